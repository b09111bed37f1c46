//! `prompt` (OpenID Connect Core section 3.1.2.1).

use serde::{Deserialize, Serialize};

use crate::params::BadParam;

/// What the client wants to happen before it gets a code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Nothing may be shown.
    pub none: bool,
    /// The user proves who they are once more.
    pub login: bool,
    /// The user is asked for consent.
    pub consent: bool,
    /// The user chooses an account.
    pub select_account: bool,
}

impl Prompt {
    /// Reads the parameter's words; those that are not known are ignored.
    ///
    /// # Errors
    /// [`BadParam`] when `none` comes with another.
    pub fn parse(words: &[&str]) -> Result<Self, BadParam> {
        let has = |word| words.contains(&word);
        let prompt = Self {
            none: has("none"),
            login: has("login"),
            consent: has("consent"),
            select_account: has("select_account"),
        };
        if prompt.none && words.len() > 1 {
            return Err(BadParam { name: "prompt", why: "has none together with another value" });
        }
        Ok(prompt)
    }
}
