//! WorkOS's names for what has another here. A profile is a user: the same letters behind another prefix.

use acquit_core::{UserId, id::InvalidId};

/// The profile that a user is.
#[must_use]
pub fn profile(user: &UserId) -> String {
    let bits = user.as_str().strip_prefix("usr_").unwrap_or_default();
    format!("prof_{}", bits.to_ascii_uppercase())
}

/// The name of a session.
#[must_use]
pub fn session(id: &str) -> String {
    format!("session_{}", id.strip_prefix("ses_").unwrap_or(id).to_ascii_uppercase())
}

/// The user that a profile is.
#[must_use]
pub fn user(profile: &str) -> Option<UserId> {
    let bits = profile.strip_prefix("prof_")?;
    UserId::parse(&format!("usr_{}", bits.to_ascii_lowercase())).ok()
}

/// An identifier in the letters of WorkOS's, whose digits are in capitals.
///
/// # Errors
/// [`InvalidId`], which no identifier causes.
pub fn upper<T: std::fmt::Display>(id: &T, parse: impl Fn(&str) -> Result<T, InvalidId>) -> Result<T, InvalidId> {
    let text = id.to_string();
    match text.rsplit_once('_') {
        Some((prefix, digits)) => parse(&format!("{prefix}_{}", digits.to_ascii_uppercase())),
        None => parse(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_a_user_by_another_name() {
        let id = UserId::from_random([0xab; 16]);
        assert_eq!(user(&profile(&id)), Some(id.clone()));
        assert_eq!(profile(&id).len(), "prof_".len() + 26);
        for wrong in [id.as_str(), "prof_", "prof_a/b", "session_01HXYZ", ""] {
            assert_eq!(user(wrong), None, "{wrong:?}");
        }
    }
}
