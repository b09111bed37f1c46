//! Signed tokens: JWS, JWK and the hashes. The only module that imports the crypto library.
//!
//! There is one function to sign and one to verify for each kind of token, and no generic decoding: a token of one kind
//! is never taken for another (RFC 8725 section 3.12). Each verifier is told which keys may have signed, checks `typ`,
//! and takes the algorithm from the key, never from the token.

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

pub mod assertion;
pub mod client_assertion;
pub mod hint;
pub mod id_token;
pub mod jwk;
mod jws;
pub mod key;
pub mod keyset;
pub mod logout_token;
mod time;

#[cfg(test)]
pub(crate) mod tests;

pub use assertion::{AssertedPerson, AssertionClaims};
pub use client_assertion::{ClientAssertion, ClientAssertionError, verify_client_assertion};
pub use hint::{Hint, HintError, verify_id_token_hint};
pub use id_token::{
    IdTokenClaims,
    verify::{IdToken, IdTokenError, IdTokenRules, verify_id_token},
};
pub use jwk::{Jwks, JwksError, MAX_JWKS, PublicJwk};
pub use jws::JwsError;
pub use key::{KeyError, SigningKey};
pub use keyset::{JwksDocument, KeySet, Role};
pub use logout_token::{
    LogoutSubject, LogoutToken, LogoutTokenClaims, LogoutTokenError, LogoutTokenRules, verify_logout_token,
};
pub use time::CLOCK_SKEW;

/// The JOSE name of HMAC with SHA-256, by which `client_secret_jwt` is made and nothing is verified.
pub const HS256: &str = "HS256";
/// The shortest secret that is its key, in bytes (RFC 7518 section 3.2).
pub const MIN_SECRET: usize = 32;

/// A JWS algorithm that is spoken here. `none` and the HMAC ones are none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, the default of OpenID Connect.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// Ed25519 (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// All of them, the default first.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Es256, Self::Ps256, Self::EdDsa];

    /// Its JOSE name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of a JOSE name, compared exactly as RFC 7515 section 4.1.1 wants.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == name)
    }

    /// The left half of the hash of `value`, base64url: `at_hash` and `c_hash` (OpenID Connect Core section 3.1.3.6).
    /// Ed25519 hashes with SHA-512 inside, so that is its hash here too.
    #[must_use]
    pub fn half_hash(self, value: &str) -> String {
        let algorithm = if self == Self::EdDsa { &digest::SHA512 } else { &digest::SHA256 };
        let hash = digest::digest(algorithm, value.as_bytes());
        let hash = hash.as_ref();
        encode(&hash[..hash.len() / 2])
    }
}

/// The longest `sub` that is taken, in bytes (OpenID Connect Core section 2).
pub const MAX_SUBJECT: usize = 255;
/// The longest `sid` that is taken, in bytes; the specifications set no limit.
pub const MAX_SID: usize = 512;
/// The longest `jti` that is taken, in bytes; the specifications set no limit.
pub const MAX_JTI: usize = 255;

/// Whether another party's name for something can be kept and compared: not empty, not too long, no control characters,
/// which not every database keeps.
pub(crate) fn usable(name: &str, max: usize) -> bool {
    !name.is_empty() && name.len() <= max && !name.contains(char::is_control)
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// Base64url without padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding; only the one canonical form is taken.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}
