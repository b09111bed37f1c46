//! The compact JWS serialization (RFC 7515 section 3.1), strictly.

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Algorithm, HS256, Jwks, MIN_SECRET, SigningKey, decode, encode, key::KeyError, time::present};

/// Why a JWS is not what it should be, whatever kind of token it claims to be. Its sender must send another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Longer than that kind of token is ever.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of base64url, or not JSON in them.
    #[error("the token is not a signed JWT")]
    Malformed,
    /// `alg` is `none`, an HMAC, or otherwise none that is taken here.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// `crit` names an extension; none is understood here (RFC 7515 section 4.1.11).
    #[error("the token has a critical header that is not understood")]
    Critical,
    /// No known key fits `kid` and `alg`; for a token or keys without names: none of them made the signature. Whoever
    /// keeps a copy of the signer's keys may read them again, once: a new one may be among them.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
}

#[derive(Serialize)]
struct OutHeader<'a> {
    alg: Algorithm,
    typ: &'a str,
    kid: &'a str,
}

#[derive(Deserialize)]
struct InHeader {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
}

/// A token whose signature was checked; nothing of it can be read before.
pub(super) struct Verified {
    typ: Option<String>,
    payload: Vec<u8>,
}

impl Verified {
    /// `typ`, in lower case, without the `application/` that RFC 7515 section 4.1.9 lets a sender leave out.
    pub(super) fn typ(&self) -> Option<String> {
        let typ = self.typ.as_deref()?.to_ascii_lowercase();
        Some(typ.strip_prefix("application/").map_or(typ.clone(), str::to_owned))
    }

    /// The claims. A claim that the type names must not come twice.
    pub(super) fn claims<T: DeserializeOwned>(&self) -> Result<T, JwsError> {
        serde_json::from_slice(&self.payload).map_err(|_| JwsError::Malformed)
    }
}

#[derive(Serialize)]
struct OutHeaderOfSecret<'a> {
    alg: &'static str,
    typ: &'a str,
}

/// Signs `claims` with `key`.
pub(super) fn sign<T: Serialize>(key: &SigningKey, typ: &str, claims: &T) -> Result<String, KeyError> {
    sign_as(key, typ, key.kid(), claims)
}

/// The same under another name of the key.
pub(super) fn sign_as<T: Serialize>(key: &SigningKey, typ: &str, kid: &str, claims: &T) -> Result<String, KeyError> {
    let signed = joined(&OutHeader { alg: key.algorithm(), typ, kid }, claims)?;
    let signature = key.sign(signed.as_bytes())?;
    Ok(signed + "." + &encode(&signature))
}

/// Authenticates `claims` with a secret by HS256. Only what we send: no token with a MAC is ever taken here.
pub(super) fn mac<T: Serialize>(secret: &[u8], typ: &str, claims: &T) -> Result<String, KeyError> {
    if secret.len() < MIN_SECRET {
        return Err(KeyError::ShortSecret);
    }
    let signed = joined(&OutHeaderOfSecret { alg: HS256, typ }, claims)?;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    Ok(signed + "." + &encode(tag.as_ref()))
}

/// What a signature is made of.
fn joined(header: &impl Serialize, claims: &impl Serialize) -> Result<String, KeyError> {
    let header = serde_json::to_vec(header).map_err(|_| KeyError::Claims)?;
    let claims = serde_json::to_vec(claims).map_err(|_| KeyError::Claims)?;
    Ok(encode(&header) + "." + &encode(&claims))
}

/// Checks the signature of `token` with `keys`, of which `only` narrows the algorithm.
pub(super) fn verify(keys: &Jwks, only: Option<Algorithm>, token: &str, max: usize) -> Result<Verified, JwsError> {
    if token.len() > max {
        return Err(JwsError::TooLong);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(JwsError::Malformed);
    };
    let signed = &token[..header.len() + 1 + payload.len()];
    let header = decode(header).ok_or(JwsError::Malformed)?;
    let header: InHeader = serde_json::from_slice(&header).map_err(|_| JwsError::Malformed)?;
    let alg = Algorithm::parse(&header.alg).ok_or(JwsError::Algorithm)?;
    if only.is_some_and(|only| only != alg) {
        return Err(JwsError::Algorithm);
    }
    if header.crit || header.b64 {
        return Err(JwsError::Critical);
    }
    let payload = decode(payload).ok_or(JwsError::Malformed)?;
    let signature = decode(signature).ok_or(JwsError::Malformed)?;
    let mut error = JwsError::UnknownKey;
    for key in keys.candidates(alg, header.kid.as_deref()) {
        if key.verify(signed.as_bytes(), &signature) {
            return Ok(Verified { typ: header.typ, payload });
        }
        if header.kid.is_some() && key.is_named() {
            error = JwsError::Signature;
        }
    }
    Err(error)
}
