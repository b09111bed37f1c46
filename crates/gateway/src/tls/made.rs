//! Certificates for development, made when they are asked for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rcgen::{CertificateParams, KeyPair};
use rustls::{
    crypto::CryptoProvider,
    sign::{CertifiedKey, SigningKey},
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::CertificateError;

/// How many are kept; whoever asks for more names than this gets the one for loopback.
const MOST: usize = 256;

/// One key, and certificates for it.
pub(super) struct Made {
    key: KeyPair,
    signing: Arc<dyn SigningKey>,
    loopback: Arc<CertifiedKey>,
    by_name: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Made {
    pub(super) fn new(provider: &CryptoProvider) -> Result<Self, CertificateError> {
        let key = KeyPair::generate().map_err(made)?;
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing = provider.key_provider.load_private_key(der)?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let loopback = Arc::new(certificate(&key, &signing, names.to_vec())?);
        Ok(Self { key, signing, loopback, by_name: Mutex::default() })
    }

    /// The certificate for a name.
    pub(super) fn of(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let Some(name) = name.map(str::to_ascii_lowercase) else { return Some(self.loopback.clone()) };
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = by_name.get(&name) {
            return Some(known.clone());
        }
        if by_name.len() >= MOST {
            return Some(self.loopback.clone());
        }
        let new = Arc::new(certificate(&self.key, &self.signing, vec![name.clone()]).ok()?);
        by_name.insert(name, new.clone());
        Some(new)
    }
}

fn certificate(
    key: &KeyPair,
    signing: &Arc<dyn SigningKey>,
    names: Vec<String>,
) -> Result<CertifiedKey, CertificateError> {
    let certificate = CertificateParams::new(names).and_then(|params| params.self_signed(key)).map_err(made)?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signing.clone()))
}

fn made(error: rcgen::Error) -> CertificateError {
    CertificateError::Made(error.to_string())
}
