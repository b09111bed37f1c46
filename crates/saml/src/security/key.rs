//! Keys of peers, from the certificates in their metadata. A certificate is only an envelope here: trust comes from the
//! metadata, so its chain and its dates are not checked when a signature is.

use std::fmt;

use acquit_core::time::Timestamp;
use aws_lc_rs::{
    rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey},
    signature::{self, ParsedPublicKey, VerificationAlgorithm},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use x509_cert::{
    Certificate as X509,
    der::{Decode, Encode},
};

use super::Algorithm;
use crate::{BuildError, Error};

/// A certificate of X.509 and the public key in it.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    spki: Vec<u8>,
    not_after: Timestamp,
    subject: String,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("subject", &self.subject).field("not_after", &self.not_after).finish()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl Certificate {
    /// Reads a certificate from DER.
    ///
    /// # Errors
    /// [`BuildError::Certificate`]
    pub fn from_der(der: &[u8]) -> Result<Self, BuildError> {
        let parsed = X509::from_der(der).map_err(|_| BuildError::Certificate)?.tbs_certificate;
        let spki = parsed.subject_public_key_info.to_der().map_err(|_| BuildError::Certificate)?;
        let not_after = parsed.validity.not_after.to_unix_duration().as_secs();
        Ok(Self {
            der: der.to_vec(),
            spki,
            not_after: Timestamp::from_seconds(i64::try_from(not_after).unwrap_or(i64::MAX)),
            subject: parsed.subject.to_string(),
        })
    }

    /// Reads a certificate as people paste it: PEM, or its base64 alone.
    ///
    /// # Errors
    /// [`BuildError::Certificate`]
    pub fn from_text(text: &str) -> Result<Self, BuildError> {
        let compact: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("-----"))
            .flat_map(str::chars)
            .filter(|character| !character.is_ascii_whitespace())
            .collect();
        let der = BASE64_STANDARD.decode(compact).map_err(|_| BuildError::Certificate)?;
        Self::from_der(&der)
    }

    /// The certificate as DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate as base64 in one line, as metadata carries it.
    #[must_use]
    pub fn base64(&self) -> String {
        BASE64_STANDARD.encode(&self.der)
    }

    /// When it ends, for warnings only.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whose it says it is, for people only.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The public key for verifying, if it is RSA of 2048 bits and more, P-256 or P-384.
    ///
    /// # Errors
    /// [`BuildError::Certificate`] for a weaker or another key.
    pub fn verifying_key(&self) -> Result<VerifyingKey, BuildError> {
        VerifyingKey::from_spki(&self.spki)
    }

    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Whether messages can be encrypted to its owner: it is RSA of 2048 bits and more.
    #[must_use]
    pub fn encrypts(&self) -> bool {
        self.encrypting_key().is_ok()
    }

    /// The public key for encrypting to its owner: RSA of 2048 bits and more.
    pub(crate) fn encrypting_key(&self) -> Result<OaepPublicEncryptingKey, BuildError> {
        let key = PublicEncryptingKey::from_der(&self.spki).map_err(|_| BuildError::Certificate)?;
        if key.key_size_bits() < 2048 {
            return Err(BuildError::Certificate);
        }
        OaepPublicEncryptingKey::new(key).map_err(|_| BuildError::Certificate)
    }
}

/// The padding that every peer reads: RSA-OAEP with SHA-1, whose collisions do not matter there.
pub(crate) static OAEP: &aws_lc_rs::rsa::OaepAlgorithm = &OAEP_SHA1_MGF1SHA1;

/// A public key that verifies, parsed once.
#[derive(Clone)]
pub struct VerifyingKey(Vec<(Algorithm, ParsedPublicKey)>);

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(algorithm, _)| algorithm)).finish()
    }
}

impl VerifyingKey {
    fn from_spki(spki: &[u8]) -> Result<Self, BuildError> {
        // Redirect signatures by ECDSA come in two encodings, both unambiguous; XML Signature has the fixed one.
        let usable: [(Algorithm, &'static dyn VerificationAlgorithm); 7] = [
            (Algorithm::RsaSha256, &signature::RSA_PKCS1_2048_8192_SHA256),
            (Algorithm::RsaSha384, &signature::RSA_PKCS1_2048_8192_SHA384),
            (Algorithm::RsaSha512, &signature::RSA_PKCS1_2048_8192_SHA512),
            (Algorithm::EcdsaSha256, &signature::ECDSA_P256_SHA256_FIXED),
            (Algorithm::EcdsaSha256, &signature::ECDSA_P256_SHA256_ASN1),
            (Algorithm::EcdsaSha384, &signature::ECDSA_P384_SHA384_FIXED),
            (Algorithm::EcdsaSha384, &signature::ECDSA_P384_SHA384_ASN1),
        ];
        let parsed: Vec<_> = usable
            .into_iter()
            .filter_map(|(algorithm, kind)| Some((algorithm, ParsedPublicKey::new(kind, spki).ok()?)))
            .collect();
        if parsed.is_empty() { Err(BuildError::Certificate) } else { Ok(Self(parsed)) }
    }

    /// Whether this key can have made signatures of that algorithm.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        self.0.iter().any(|(own, _)| *own == algorithm)
    }

    /// Whether this key made the signature.
    pub(crate) fn made(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.0.iter().any(|(own, key)| *own == algorithm && key.verify_sig(message, signature).is_ok())
    }
}

/// Who a message must be from, and the keys that the metadata of exactly that entity gives.
#[derive(Clone, Debug)]
pub struct Trust {
    entity_id: String,
    keys: std::sync::Arc<[VerifyingKey]>,
}

impl Trust {
    /// The trust in an entity by its certificates; those with unusable keys are left out.
    ///
    /// # Errors
    /// [`Error::NoKey`] when none is left.
    pub fn new(entity_id: &str, certificates: &[Certificate]) -> Result<Self, Error> {
        let keys: Vec<_> = certificates.iter().filter_map(|certificate| certificate.verifying_key().ok()).collect();
        if keys.is_empty() {
            return Err(Error::NoKey);
        }
        Ok(Self { entity_id: entity_id.to_owned(), keys: keys.into() })
    }

    /// The entity.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    pub(crate) fn keys(&self) -> &std::sync::Arc<[VerifyingKey]> {
        &self.keys
    }
}
