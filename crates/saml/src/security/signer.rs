//! A key of our own that signs, kept as the crypto library's parsed pair: parsing RSA for each signature would take longer
//! than signing.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use zeroize::Zeroizing;

use super::{Algorithm, Certificate};
use crate::BuildError;

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

/// A private key with the certificate that peers know it by. Clones share the key.
#[derive(Clone)]
pub struct Signer {
    pair: Arc<Pair>,
    certificate: Certificate,
    base64: Arc<str>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// What kind of key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of 2048 bits, which every peer knows.
    Rsa2048,
    /// P-256, which signs about ten times as fast; some peers do not know it.
    P256,
}

impl Signer {
    /// Makes a private key as PKCS#8 DER.
    ///
    /// # Errors
    /// [`BuildError::Crypto`]
    pub fn generate(kind: KeyKind) -> Result<Zeroizing<Vec<u8>>, BuildError> {
        let der = match kind {
            KeyKind::Rsa2048 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| BuildError::Crypto)?;
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| BuildError::Crypto)?;
                der.as_ref().to_vec()
            }
            KeyKind::P256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| BuildError::Crypto)?;
                pair.to_pkcs8v1().map_err(|_| BuildError::Crypto)?.as_ref().to_vec()
            }
        };
        Ok(Zeroizing::new(der))
    }

    /// Reads a private key from PKCS#8 DER, and the certificate of it that peers have.
    ///
    /// # Errors
    /// [`BuildError::Key`], [`BuildError::Certificate`] when it is not for this key.
    pub fn from_pkcs8(pkcs8: &[u8], certificate: Certificate) -> Result<Self, BuildError> {
        let pair = match RsaKeyPair::from_pkcs8(pkcs8) {
            Ok(pair) => Pair::Rsa(pair),
            Err(_) => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                .map(Pair::Ec)
                .map_err(|_| BuildError::Key)?,
        };
        let spki = match &pair {
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::Ec(pair) => pair.public_key().as_der(),
        };
        if spki.map_err(|_| BuildError::Crypto)?.as_ref() != certificate.spki() {
            return Err(BuildError::Certificate);
        }
        let base64 = certificate.base64().into();
        Ok(Self { pair: Arc::new(pair), certificate, base64 })
    }

    /// Reads a private key from PKCS#8 DER and wraps its public key in a certificate signed by itself. The same key and name
    /// make a certificate with the same content; keep it all the same, since peers may compare bytes.
    ///
    /// # Errors
    /// [`BuildError::Key`], [`BuildError::Crypto`]
    pub fn self_signed(pkcs8: &[u8], common_name: &str) -> Result<Self, BuildError> {
        let der = rustls_pki_types::PrivatePkcs8KeyDer::from(pkcs8.to_vec());
        let pair = rcgen::KeyPair::try_from(&der).map_err(|_| BuildError::Key)?;
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        let certificate = params.self_signed(&pair).map_err(|_| BuildError::Crypto)?;
        Self::from_pkcs8(pkcs8, Certificate::from_der(certificate.der())?)
    }

    /// The certificate that goes into metadata.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificate as base64, kept for the signatures that name it.
    pub(crate) fn base64(&self) -> &str {
        &self.base64
    }

    /// The algorithm of its signatures.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match *self.pair {
            Pair::Rsa(_) => Algorithm::RsaSha256,
            Pair::Ec(_) => Algorithm::EcdsaSha256,
        }
    }

    /// The bare signature over bytes, in the encoding of XML Signature.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BuildError> {
        let random = SystemRandom::new();
        match &*self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| BuildError::Crypto)?;
                Ok(signature)
            }
            Pair::Ec(pair) => {
                pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()).map_err(|_| BuildError::Crypto)
            }
        }
    }
}
