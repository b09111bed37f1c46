//! Public keys: ours to publish, other parties' to check with (RFC 7517).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use serde::{Deserialize, Serialize};

use super::{Algorithm, decode, encode, sha256};

/// The most keys in a set that are looked at.
pub const MAX_KEYS: usize = 100;
/// The longest JWK set that is read, in bytes.
pub const MAX_JWKS: usize = 256 * 1024;

/// A public key of ours as it is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    /// `RSA`, `EC` or `OKP`.
    pub kty: String,
    /// Its name: the RFC 7638 thumbprint.
    pub kid: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// The one algorithm that it is used with.
    pub alg: Algorithm,
    /// The curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// The RSA modulus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// The RSA exponent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// The point's first coordinate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The point's second coordinate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
}

impl PublicJwk {
    pub(super) fn rsa(alg: Algorithm, n: String, e: String) -> Self {
        // RFC 7638 section 3.2: the required members only, in lexicographic order, without white space.
        let kid = thumbprint(&format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#));
        Self { n: Some(n), e: Some(e), ..Self::bare("RSA", alg, kid) }
    }

    pub(super) fn p256(x: String, y: String) -> Self {
        let kid = thumbprint(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#));
        Self { crv: Some("P-256".into()), x: Some(x), y: Some(y), ..Self::bare("EC", Algorithm::Es256, kid) }
    }

    pub(super) fn ed25519(x: String) -> Self {
        let kid = thumbprint(&format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
        Self { crv: Some("Ed25519".into()), x: Some(x), ..Self::bare("OKP", Algorithm::EdDsa, kid) }
    }

    fn bare(kty: &str, alg: Algorithm, kid: String) -> Self {
        Self { kty: kty.into(), kid, usage: "sig".into(), alg, crv: None, n: None, e: None, x: None, y: None }
    }
}

fn thumbprint(canonical: &str) -> String {
    encode(&sha256(canonical.as_bytes()))
}

/// Why a JWK set is not taken as a whole. Whoever published it must correct it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Longer than [`MAX_JWKS`] or more keys than [`MAX_KEYS`].
    #[error("the key set is too large")]
    TooLarge,
    /// Not a JSON object with a list `keys`.
    #[error("not a JSON Web Key Set")]
    Malformed,
    /// It holds a private or symmetric key, which is known to whoever reads the set.
    #[error("the key set has a private or symmetric key in it")]
    NotPublic,
}

/// Keys that signatures are checked with, parsed.
#[derive(Clone, Debug, Default)]
pub struct Jwks {
    keys: Vec<VerifyingKey>,
}

#[derive(Clone, Debug)]
pub(super) struct VerifyingKey {
    kid: Option<String>,
    alg: Algorithm,
    key: ParsedPublicKey,
}

impl VerifyingKey {
    pub(super) fn is_named(&self) -> bool {
        self.kid.is_some()
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwks {
    /// Reads a set; keys of unknown kinds, for encryption, or that are broken are skipped.
    ///
    /// # Errors
    /// [`JwksError`]
    pub fn parse(json: &[u8]) -> Result<Self, JwksError> {
        if json.len() > MAX_JWKS {
            return Err(JwksError::TooLarge);
        }
        let set: RawSet = serde_json::from_slice(json).map_err(|_| JwksError::Malformed)?;
        Self::from_list(&set.keys)
    }

    /// Reads a set that is already JSON.
    ///
    /// # Errors
    /// [`JwksError`]
    pub fn from_value(value: &serde_json::Value) -> Result<Self, JwksError> {
        let keys = value.get("keys").and_then(serde_json::Value::as_array).ok_or(JwksError::Malformed)?;
        Self::from_list(keys)
    }

    fn from_list(list: &[serde_json::Value]) -> Result<Self, JwksError> {
        if list.len() > MAX_KEYS {
            return Err(JwksError::TooLarge);
        }
        let mut keys = Vec::new();
        for value in list {
            if value.get("d").is_some() || value.get("k").is_some() {
                return Err(JwksError::NotPublic);
            }
            if let Ok(raw) = RawKey::deserialize(value) {
                keys.extend(raw.parse());
            }
        }
        Ok(Self { keys })
    }

    /// Keys of ours.
    pub fn of<'a>(jwks: impl IntoIterator<Item = &'a PublicJwk>) -> Self {
        let raw = jwks.into_iter().map(|jwk| RawKey {
            kty: jwk.kty.clone(),
            kid: Some(jwk.kid.clone()),
            alg: Some(jwk.alg.as_str().to_owned()),
            usage: None,
            key_ops: None,
            crv: jwk.crv.clone(),
            n: jwk.n.clone(),
            e: jwk.e.clone(),
            x: jwk.x.clone(),
            y: jwk.y.clone(),
        });
        Self { keys: raw.flat_map(RawKey::parse).collect() }
    }

    /// Whether there is no key in it that can be used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether there is a key for `alg` in it.
    #[must_use]
    pub fn has(&self, alg: Algorithm) -> bool {
        self.keys.iter().any(|key| key.alg == alg)
    }

    /// The keys that may have made a signature with `alg`. A token that names a key is checked with that one only,
    /// unless the set's keys have no names.
    pub(super) fn candidates(&self, alg: Algorithm, kid: Option<&str>) -> impl Iterator<Item = &VerifyingKey> {
        self.keys.iter().filter(move |key| {
            key.alg == alg
                && match (kid, key.kid.as_deref()) {
                    (Some(asked), Some(known)) => asked == known,
                    _ => true,
                }
        })
    }
}

impl RawKey {
    /// The key, once for each algorithm that it may be used with.
    fn parse(self) -> Vec<VerifyingKey> {
        let for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !for_signatures {
            return Vec::new();
        }
        let algorithms: &[Algorithm] = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => &[Algorithm::Rs256, Algorithm::Ps256],
            ("EC", Some("P-256")) => &[Algorithm::Es256],
            ("OKP", Some("Ed25519")) => &[Algorithm::EdDsa],
            _ => &[],
        };
        let fits = |alg: Algorithm| self.alg.as_deref().is_none_or(|only| only == alg.as_str());
        let with = |&alg: &Algorithm| Some(VerifyingKey { kid: self.kid.clone(), alg, key: self.public_key(alg)? });
        algorithms.iter().filter(|&&alg| fits(alg)).filter_map(with).collect()
    }

    fn public_key(&self, alg: Algorithm) -> Option<ParsedPublicKey> {
        let member = |value: &Option<String>| decode(value.as_deref()?);
        let exactly = |bytes: Vec<u8>| (bytes.len() == 32).then_some(bytes);
        match alg {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                let (n, e) = (member(&self.n)?, member(&self.e)?);
                // Below 2048 bits a key can be broken; above 8192 checking one signature is an attack on our time.
                if n.first() == Some(&0) || !(256..=1024).contains(&n.len()) || e.len() > 8 {
                    return None;
                }
                let params =
                    if alg == Algorithm::Ps256 { &RSA_PSS_2048_8192_SHA256 } else { &RSA_PKCS1_2048_8192_SHA256 };
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(params).ok()
            }
            Algorithm::Es256 => {
                let mut point = vec![4];
                point.extend(exactly(member(&self.x)?)?);
                point.extend(exactly(member(&self.y)?)?);
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()
            }
            Algorithm::EdDsa => ParsedPublicKey::new(&ED25519, exactly(member(&self.x)?)?).ok(),
        }
    }
}
