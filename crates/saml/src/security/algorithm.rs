//! The algorithms that are taken. What is not here is refused: SHA-1, MD5, HMAC, DSA.

use kryptering::{EcCurve, HashAlgorithm, SignatureAlgorithm as Kind};

/// A signature algorithm of XML Signature and of the Redirect binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA PKCS #1 v1.5 with SHA-256.
    RsaSha256,
    /// RSA PKCS #1 v1.5 with SHA-384.
    RsaSha384,
    /// RSA PKCS #1 v1.5 with SHA-512.
    RsaSha512,
    /// ECDSA on P-256 with SHA-256.
    EcdsaSha256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaSha384,
}

/// Each with its identifier (RFC 6931).
const ALL: [(Algorithm, &str); 5] = [
    (Algorithm::RsaSha256, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
    (Algorithm::RsaSha384, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"),
    (Algorithm::RsaSha512, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"),
    (Algorithm::EcdsaSha256, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"),
    (Algorithm::EcdsaSha384, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"),
];

impl Algorithm {
    /// By its identifier.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        ALL.iter().find(|(_, known)| *known == uri).map(|(algorithm, _)| *algorithm)
    }

    /// Its identifier.
    #[must_use]
    pub fn uri(self) -> &'static str {
        ALL.iter().find(|(algorithm, _)| *algorithm == self).map_or("", |(_, uri)| uri)
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::RsaSha256 => Kind::RsaPkcs1v15(HashAlgorithm::Sha256),
            Self::RsaSha384 => Kind::RsaPkcs1v15(HashAlgorithm::Sha384),
            Self::RsaSha512 => Kind::RsaPkcs1v15(HashAlgorithm::Sha512),
            Self::EcdsaSha256 => Kind::Ecdsa(EcCurve::P256, HashAlgorithm::Sha256),
            Self::EcdsaSha384 => Kind::Ecdsa(EcCurve::P384, HashAlgorithm::Sha384),
        }
    }
}

/// SHA-256, which we use for our own digests.
pub(crate) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
/// SHA-384.
const SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#sha384";
/// SHA-512.
const SHA512: &str = "http://www.w3.org/2001/04/xmlenc#sha512";

/// The aws-lc-rs digest of an identifier, if it is taken.
pub(super) fn digest(uri: &str) -> Option<&'static aws_lc_rs::digest::Algorithm> {
    match uri {
        SHA256 => Some(&aws_lc_rs::digest::SHA256),
        SHA384 => Some(&aws_lc_rs::digest::SHA384),
        SHA512 => Some(&aws_lc_rs::digest::SHA512),
        _ => None,
    }
}
