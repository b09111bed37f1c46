//! Whom outbound TLS trusts: the system's roots and those that the operator gives.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};

/// The egress client cannot be built. The operator must correct the roots that they gave.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// A PEM file of roots that cannot be read.
    #[error("the extra root certificates are no PEM: {0}")]
    Pem(String),
    /// A certificate that cannot be a root.
    #[error("an extra root certificate cannot be used: {0}")]
    Root(String),
    /// The crypto provider does not support what TLS needs; this is a fault of the build.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Reads certificates from PEM, for [`Options::extra_roots`](super::Options).
///
/// # Errors
/// [`EgressError::Pem`] when there is none or one is damaged.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, EgressError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(EgressError::Pem("no certificate in it".to_owned())),
        Err(error) => Err(EgressError::Pem(error.to_string())),
    }
}

/// Whom this server trusts: the system's roots and `extra`. A machine may have none.
///
/// # Errors
/// [`EgressError::Root`].
pub fn roots(extra: Vec<CertificateDer<'static>>) -> Result<RootCertStore, EgressError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "some of the system's root certificates cannot be read");
    }
    // A system's store may hold certificates that are no proper roots; the others still count.
    roots.add_parsable_certificates(native.certs);
    for root in extra {
        roots.add(root).map_err(|error| EgressError::Root(error.to_string()))?;
    }
    Ok(roots)
}

/// The TLS configuration, and whether it trusts anybody. A machine without roots (a scratch image) still builds one, so
/// that a server whose applications are all on plain loopback starts.
pub(super) fn config(extra: Vec<CertificateDer<'static>>) -> Result<(Arc<ClientConfig>, bool), EgressError> {
    let roots = roots(extra)?;
    let has_roots = !roots.is_empty();
    if !has_roots {
        tracing::warn!("no root certificates: https requests will fail; install ca-certificates or configure roots");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((Arc::new(config), has_roots))
}
