//! A hidden input of a form.

use std::fmt;

/// A hidden input: what a form carries back without showing it. Its value is often a secret (a CSRF token, a sealed
/// handle), so it never appears in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden {
    /// The input's name.
    pub name: String,
    /// The input's value.
    pub value: String,
}

impl Hidden {
    /// A hidden input of this name and value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hidden").field("name", &self.name).finish_non_exhaustive()
    }
}
