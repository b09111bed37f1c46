//! Proof Key for Code Exchange (RFC 7636), with S256 only: `plain` protects nothing that this house cares about.

use subtle::ConstantTimeEq;

use crate::{jose, params::BadParam};

/// The only method.
pub const METHOD: &str = "S256";

/// Reads a `code_challenge` with its method.
///
/// # Errors
/// [`BadParam`]: the method is not S256 (absent means `plain`), or the challenge is no SHA-256 in base64url.
pub fn challenge(challenge: Option<&str>, method: Option<&str>) -> Result<Option<String>, BadParam> {
    let Some(challenge) = challenge else {
        return match method {
            None => Ok(None),
            Some(_) => Err(BadParam { name: "code_challenge", why: "is missing" }),
        };
    };
    if method != Some(METHOD) {
        return Err(BadParam { name: "code_challenge_method", why: "must be S256" });
    }
    match jose::decode(challenge) {
        Some(hash) if hash.len() == 32 => Ok(Some(challenge.to_owned())),
        _ => Err(BadParam { name: "code_challenge", why: "is not a SHA-256 hash in base64url" }),
    }
}

/// Why a code is not redeemed. The client must begin again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PkceError {
    /// The request had a challenge and now there is no verifier.
    #[error("code_verifier is missing")]
    Missing,
    /// There was no challenge: somebody else's code was slipped in (RFC 9700 section 4.8.2).
    #[error("a code_verifier was sent for a code without a code_challenge")]
    Unexpected,
    /// It is not 43 to 128 unreserved characters (RFC 7636 section 4.1).
    #[error("code_verifier is not 43 to 128 unreserved characters")]
    Malformed,
    /// It is not the one.
    #[error("code_verifier does not fit the code_challenge")]
    Mismatch,
}

/// The challenge of a verifier of our own, for a request to another provider.
///
/// # Errors
/// [`PkceError::Malformed`]
pub fn challenge_of(verifier: &str) -> Result<String, PkceError> {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(PkceError::Malformed);
    }
    Ok(jose::encode(&jose::sha256(verifier.as_bytes())))
}

/// Checks a `code_verifier` against the challenge that the code was asked for with.
///
/// # Errors
/// [`PkceError`]
pub fn verify(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), PkceError> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(PkceError::Missing),
        (None, Some(_)) => Err(PkceError::Unexpected),
        (Some(challenge), Some(verifier)) => {
            let hash = challenge_of(verifier)?;
            if bool::from(hash.as_bytes().ct_eq(challenge.as_bytes())) { Ok(()) } else { Err(PkceError::Mismatch) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_pair_of_the_specification_fits() {
        assert_eq!(challenge(Some(CHALLENGE), Some("S256")), Ok(Some(CHALLENGE.to_owned())));
        assert_eq!(verify(Some(CHALLENGE), Some(VERIFIER)), Ok(()));
        assert_eq!(challenge_of(VERIFIER).as_deref(), Ok(CHALLENGE));
    }

    #[test]
    fn plain_is_refused_by_name_and_by_default() {
        for method in [None, Some("plain"), Some("s256")] {
            assert_eq!(challenge(Some(CHALLENGE), method).unwrap_err().name, "code_challenge_method");
        }
    }

    #[test]
    fn a_challenge_that_is_no_hash_is_refused() {
        for bad in ["short", &"a".repeat(43), &format!("{CHALLENGE}="), &CHALLENGE.replace('-', "+")] {
            // 43 times `a` is not canonical base64url: its last character has bits that belong to nothing.
            assert_eq!(challenge(Some(bad), Some("S256")).unwrap_err().name, "code_challenge", "{bad}");
        }
        assert!(challenge(None, Some("S256")).is_err());
    }

    #[test]
    fn a_verifier_must_be_there_exactly_when_a_challenge_was() {
        assert_eq!(verify(None, None), Ok(()));
        assert_eq!(verify(Some(CHALLENGE), None), Err(PkceError::Missing));
        assert_eq!(verify(None, Some(VERIFIER)), Err(PkceError::Unexpected));
    }

    #[test]
    fn a_verifier_that_does_not_fit_is_refused() {
        assert_eq!(verify(Some(CHALLENGE), Some(&VERIFIER.replace('d', "e"))), Err(PkceError::Mismatch));
        for bad in [CHALLENGE.get(..42).unwrap(), &"a".repeat(129), &VERIFIER.replace('d', "+")] {
            assert_eq!(verify(Some(CHALLENGE), Some(bad)), Err(PkceError::Malformed));
        }
    }
}
