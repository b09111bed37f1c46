//! Values that never show: not in `Debug` output, not in logs, not in memory that was given back.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use zeroize::Zeroizing;

/// A secret text. It is wiped when dropped, and only [`Secret::expose`] shows it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text as secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Whoever calls this keeps it out of logs and errors.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The SHA-256 digest of a bearer token of high entropy: enough to recognise it, not to present it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of `token`.
    #[must_use]
    pub fn of(token: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }

    /// Whether `token` is the one, compared in constant time.
    #[must_use]
    pub fn matches(&self, token: &str) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &Self::of(token).0).is_ok()
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let shown = format!("{:?} {:?}", Secret::new("hunter2"), TokenDigest::of("hunter2"));
        assert_eq!(shown, "Secret(…) TokenDigest(…)");
    }

    #[test]
    fn a_digest_knows_its_token_and_no_other() {
        let digest = TokenDigest::of("hunter2");
        assert!(digest.matches("hunter2"));
        assert!(!digest.matches("hunter3"));
    }
}
