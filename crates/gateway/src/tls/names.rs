//! Which certificate is for which host.

use std::{collections::HashMap, sync::Arc};

use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use x509_cert::{
    Certificate,
    der::Decode,
    ext::pkix::{SubjectAltName, name::GeneralName},
};

/// A certificate cannot be read, or names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoHosts {
    #[error("it is no certificate")]
    NoCertificate,
    #[error("it names no host")]
    Nameless,
}

/// The hosts that a certificate is for, in lower case; a wildcard as it is written. An address counts, though nobody can ask
/// for it by name: its certificate is given to who asks for none.
pub(super) fn hosts(certificate: &CertificateDer<'_>) -> Result<Vec<String>, NoHosts> {
    let certificate = Certificate::from_der(certificate).map_err(|_| NoHosts::NoCertificate)?;
    let (_, names) = certificate
        .tbs_certificate
        .get::<SubjectAltName>()
        .map_err(|_| NoHosts::NoCertificate)?
        .ok_or(NoHosts::Nameless)?;
    if names.0.is_empty() {
        return Err(NoHosts::Nameless);
    }
    let dns = names.0.iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
        _ => None,
    });
    Ok(dns.collect())
}

/// Certificates by host.
#[derive(Debug)]
pub(super) struct Names {
    first: Arc<CertifiedKey>,
    by_name: HashMap<String, Arc<CertifiedKey>>,
}

impl Names {
    /// With the one for whoever asks for no name that is known.
    pub(super) fn new(first: Arc<CertifiedKey>) -> Self {
        Self { first, by_name: HashMap::new() }
    }

    /// Of two certificates for one host the first counts.
    pub(super) fn add(&mut self, hosts: Vec<String>, certified: &Arc<CertifiedKey>) {
        for host in hosts {
            self.by_name.entry(host).or_insert_with(|| certified.clone());
        }
    }

    /// The certificate for a host: its own, else that of a wildcard in the place of its first label.
    pub(super) fn of(&self, host: Option<&str>) -> Arc<CertifiedKey> {
        let known = |name: &str| self.by_name.get(name);
        let found = host.map(str::to_ascii_lowercase).and_then(|host| {
            known(&host).or_else(|| host.split_once('.').and_then(|(_, rest)| known(&format!("*.{rest}"))))
        });
        found.unwrap_or(&self.first).clone()
    }
}
