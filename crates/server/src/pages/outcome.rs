//! The outcome of a step, as the pages show it.

/// What is known about a step. A guess is never called confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The party said so in its protocol.
    Confirmed,
    /// The browser was given the frame or the hop; nothing more can be known.
    Sent,
    /// Will be tried again.
    Pending,
    /// That app cannot be told, or was not to be told.
    Unsupported,
    /// Refused for good, or its deadline passed.
    Failed,
}

impl Outcome {
    /// All, in the order in which totals list them.
    pub const ALL: [Self; 5] = [Self::Confirmed, Self::Sent, Self::Pending, Self::Failed, Self::Unsupported];

    /// The value of `data-outcome`.
    #[must_use]
    pub fn mark(&self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Sent => "sent",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Unsupported => "unsupported",
        }
    }

    /// The stamp's words.
    #[must_use]
    pub fn stamp(&self) -> &'static str {
        match self {
            Self::Unsupported => "cannot be told",
            other => other.mark(),
        }
    }
}

/// Names as a sentence has them: "Wiki", "Wiki and Chat", "Wiki, Chat and 3 others". Each name once.
#[must_use]
pub fn names_in_words<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    match unique.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} others", rest.len()),
    }
}

/// "1 app", "3 apps".
#[must_use]
pub fn apps_in_words(count: usize) -> String {
    if count == 1 { "1 app".to_owned() } else { format!("{count} apps") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_as_people_say_them_and_said_once() {
        assert_eq!(names_in_words([]), "");
        assert_eq!(names_in_words(["Wiki", "Wiki"]), "Wiki");
        assert_eq!(names_in_words(["Wiki", "Chat"]), "Wiki and Chat");
        assert_eq!(names_in_words(["A", "B", "C"]), "A, B and C");
        assert_eq!(names_in_words(["A", "B", "C", "D"]), "A, B and 2 others");
    }
}
