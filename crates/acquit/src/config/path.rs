//! Where in the configuration something is: `applications[2].redirect_uris[0]`.

use std::fmt;

/// One step into the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a table, by key.
    Key(String),
    /// Into a list, by position from 0.
    Index(usize),
}

/// A way from the root of the configuration to a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Step>);

impl Path {
    /// The whole configuration.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The value under `key` in this table.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// The value at `index` in this list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    /// The steps from the root.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The path with list positions left out, by which a kind of value is known: `applications.redirect_uris`.
    #[must_use]
    pub fn pattern(&self) -> String {
        let keys = self.0.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        keys.collect::<Vec<_>>().join(".")
    }

    /// How the table at this path is written in TOML: `[server]` or `[[applications]]`.
    #[must_use]
    pub fn header(&self) -> String {
        match self.0.last() {
            None => "the file".to_owned(),
            Some(Step::Index(_)) => format!("[[{}]]", self.pattern()),
            Some(Step::Key(_)) if self.0.len() == 1 => format!("[{}]", self.pattern()),
            Some(Step::Key(key)) => format!("`{key}`"),
        }
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_people_write_it() {
        let path = Path::root().key("applications").index(2).key("redirect_uris").index(0);
        assert_eq!(path.to_string(), "applications[2].redirect_uris[0]");
        assert_eq!(path.pattern(), "applications.redirect_uris");
        assert_eq!(Path::root().key("applications").index(2).header(), "[[applications]]");
        assert_eq!(Path::root().key("server").header(), "[server]");
    }
}
