//! What reading a section needs: where its values were written, where files are found, where mistakes are noted.

use super::{
    diagnostic::{Diagnostics, Note},
    environment::Environment,
    path::Path,
    tree::Node,
};

/// What reading a section needs.
#[derive(Debug)]
pub struct Context<'a> {
    /// The configuration as it was written, for finding the line of a value.
    pub written: &'a Node,
    /// The folder of the configuration file; what a value names is relative to it.
    pub base: &'a std::path::Path,
    /// The environment, for secrets that are there.
    pub environment: &'a Environment,
    /// The mistakes.
    pub diagnostics: &'a mut Diagnostics,
}

impl Context<'_> {
    /// Notes a mistake at the value of `path`.
    pub fn error(&mut self, path: &Path, message: impl Into<String>) -> Note<'_> {
        self.diagnostics.error(path, Some(self.written.nearest_origin(path)), message)
    }

    /// Notes something to know about the value of `path`.
    pub fn warning(&mut self, path: &Path, message: impl Into<String>) -> Note<'_> {
        self.diagnostics.warning(path, Some(self.written.nearest_origin(path)), message)
    }

    /// Whether anything was written at `path`, right or wrong.
    #[must_use]
    pub fn is_written(&self, path: &Path) -> bool {
        self.written.find(path).is_some()
    }
}
