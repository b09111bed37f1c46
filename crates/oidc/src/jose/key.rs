//! A key that signs.
//!
//! It is kept as the crypto library's parsed key pair: a signature is one call on it. Parsing an RSA key from PKCS#8
//! for each signature, as JWT libraries do that take encoded keys, costs 1.6 times as much as the signature itself.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
        RsaKeyPair,
    },
};
use zeroize::Zeroizing;

use super::{Algorithm, PublicJwk, encode};

/// Why a key cannot be made, read or used. The operator must look at the key; nobody's request is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are no PKCS#8 key for this algorithm (RSA: of at least 2048 bits).
    #[error("not a PKCS#8 private key for this algorithm")]
    Rejected,
    /// The crypto library could not make, write or use the key.
    #[error("the crypto library failed")]
    Crypto,
    /// The claims cannot be written as JSON.
    #[error("the claims cannot be written as JSON")]
    Claims,
    /// A client secret that is shorter than the hash, which HS256 does not take as its key (RFC 7518 section 3.2).
    #[error("the client secret has fewer than 32 bytes, too few for HS256")]
    ShortSecret,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A private key with its algorithm, its public part and its name.
pub struct SigningKey {
    alg: Algorithm,
    pair: Pair,
    jwk: PublicJwk,
}

impl SigningKey {
    /// Makes a new key; RSA ones have 2048 bits and take some hundred milliseconds.
    ///
    /// # Errors
    /// [`KeyError::Crypto`]
    pub fn generate(alg: Algorithm) -> Result<Self, KeyError> {
        let pair = match alg {
            Algorithm::Rs256 | Algorithm::Ps256 => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::Ec),
            Algorithm::EdDsa => Ed25519KeyPair::generate().map(Pair::Ed),
        };
        Ok(Self::of(alg, pair.map_err(|_| KeyError::Crypto)?))
    }

    /// Reads a key from PKCS#8 DER.
    ///
    /// # Errors
    /// [`KeyError::Rejected`]
    pub fn from_pkcs8(alg: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let pair = match alg {
            Algorithm::Rs256 | Algorithm::Ps256 => RsaKeyPair::from_pkcs8(der).map(Pair::Rsa),
            Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Pair::Ec),
            // Version 1 has no public key to be checked against.
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Pair::Ed),
        };
        Ok(Self::of(alg, pair.map_err(|_| KeyError::Rejected)?))
    }

    /// The key as PKCS#8 version 1 DER, which every library reads; wiped when dropped.
    ///
    /// # Errors
    /// [`KeyError::Crypto`]
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der = match &self.pair {
            Pair::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Crypto)?;
                der.as_ref().to_vec()
            }
            Pair::Ec(pair) => pair.to_pkcs8v1().map_err(|_| KeyError::Crypto)?.as_ref().to_vec(),
            Pair::Ed(pair) => pair.to_pkcs8v1().map_err(|_| KeyError::Crypto)?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(der))
    }

    fn of(alg: Algorithm, pair: Pair) -> Self {
        let jwk = match &pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero();
                let e = public.exponent().big_endian_without_leading_zero();
                PublicJwk::rsa(alg, encode(n), encode(e))
            }
            Pair::Ec(pair) => {
                // An uncompressed point: 4, x, y.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                PublicJwk::p256(encode(x), encode(y))
            }
            Pair::Ed(pair) => PublicJwk::ed25519(encode(pair.public_key().as_ref())),
        };
        Self { alg, pair, jwk }
    }

    /// Its algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.alg
    }

    /// Its name: the RFC 7638 thumbprint of its public part.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.jwk.kid
    }

    /// Its public part, for the JWK set.
    #[must_use]
    pub fn public_jwk(&self) -> &PublicJwk {
        &self.jwk
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let rng = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding = if self.alg == Algorithm::Ps256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(padding, &rng, message, &mut signature).map_err(|_| KeyError::Crypto)?;
                Ok(signature)
            }
            Pair::Ec(pair) => {
                let signature = pair.sign(&rng, message).map_err(|_| KeyError::Crypto)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed(pair) => {
                let signature = pair.try_sign(message).map_err(|_| KeyError::Crypto)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

/// The name only.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {})", self.alg.as_str(), self.kid())
    }
}
