//! Certificates for the routes' hosts, chosen by the name that the browser asks for: from files, which are read again when
//! they change, or made on the fly for development.

mod made;
mod names;
#[cfg(test)]
mod tests;

use std::{
    fmt, fs, io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_lc_rs::digest::{self, Digest};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs::Ticketer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_util::sync::CancellationToken;

use self::{made::Made, names::Names};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Why there are no certificates. The operator must correct the files.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file holds no PEM of what it should.
    #[error("{} holds no {what} in PEM", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The key is not that of the certificate, or of a kind that is not supported; or the certificate names no host.
    #[error("{} cannot be used: {why}", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// None were given.
    #[error("no certificate is given")]
    None,
    /// One for development cannot be made, which no configuration causes.
    #[error("a certificate for development cannot be made: {0}")]
    Made(String),
    /// The crypto provider does not support what TLS needs; this is a fault of the build.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// A certificate with its chain, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// PEM: the certificate first, then those that vouch for it.
    pub certificate: PathBuf,
    /// PEM: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// The certificates.
pub struct Certificates {
    provider: Arc<CryptoProvider>,
    source: Source,
}

enum Source {
    Files { pairs: Vec<Pair>, loaded: RwLock<Loaded> },
    Made(Made),
}

/// What was read, and the digest of all of it.
struct Loaded {
    names: Arc<Names>,
    digest: Digest,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl Certificates {
    /// From files. Who asks for no name, or one that no certificate has, gets the first.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn load(pairs: Vec<Pair>) -> Result<Self, CertificateError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let loaded = RwLock::new(read(&pairs)?.load(&provider, &pairs)?);
        Ok(Self { provider, source: Source::Files { pairs, loaded } })
    }

    /// For development: whatever name is asked for, a certificate for it is made, which nobody vouches for.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn development() -> Result<Self, CertificateError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Ok(Self { source: Source::Made(Made::new(&provider)?), provider })
    }

    /// Reads the files again if they have changed; whether they had. What cannot be used changes nothing.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn reload(&self) -> Result<bool, CertificateError> {
        let Source::Files { pairs, loaded } = &self.source else { return Ok(false) };
        let found = read(pairs)?;
        let known = loaded.read().unwrap_or_else(PoisonError::into_inner).digest;
        if found.digest().as_ref() == known.as_ref() {
            return Ok(false);
        }
        let changed = found.load(&self.provider, pairs)?;
        *loaded.write().unwrap_or_else(PoisonError::into_inner) = changed;
        Ok(true)
    }

    /// Looks at the files until `stop`. By their content, so that it does not matter how they are replaced; a certificate
    /// that was replaced before its key is found wanting, and tried again.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut last = None;
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            let certificates = self.clone();
            let Ok(outcome) = tokio::task::spawn_blocking(move || certificates.reload()).await else { continue };
            match outcome {
                Ok(changed) => {
                    if changed {
                        tracing::info!("the certificates have changed");
                    }
                    last = None;
                }
                Err(error) => {
                    let text = error.to_string();
                    if last.as_ref() != Some(&text) {
                        tracing::warn!(%error, "the changed certificates cannot be used; the old ones stay");
                    }
                    last = Some(text);
                }
            }
        }
    }

    /// What a listener needs: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, no early data, which could be replayed.
    ///
    /// # Errors
    /// [`CertificateError::Tls`].
    pub fn config(self: Arc<Self>) -> Result<Arc<ServerConfig>, CertificateError> {
        let builder =
            ServerConfig::builder_with_provider(self.provider.clone()).with_safe_default_protocol_versions()?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(self);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = Ticketer::new()?;
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match &self.source {
            Source::Files { loaded, .. } => {
                let names = loaded.read().unwrap_or_else(PoisonError::into_inner).names.clone();
                Some(names.of(hello.server_name()))
            }
            Source::Made(made) => made.of(hello.server_name()),
        }
    }
}

/// The bytes of all files, by pair.
struct Found(Vec<(Vec<u8>, zeroize::Zeroizing<Vec<u8>>)>);

fn read(pairs: &[Pair]) -> Result<Found, CertificateError> {
    let file = |path: &PathBuf| fs::read(path).map_err(|error| CertificateError::Read { path: path.clone(), error });
    let both = |pair: &Pair| Ok((file(&pair.certificate)?, zeroize::Zeroizing::new(file(&pair.key)?)));
    pairs.iter().map(both).collect::<Result<_, _>>().map(Found)
}

impl Found {
    fn digest(&self) -> Digest {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in self.0.iter().flat_map(|(certificate, key)| [certificate.as_slice(), key.as_slice()]) {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        context.finish()
    }

    fn load(&self, provider: &CryptoProvider, pairs: &[Pair]) -> Result<Loaded, CertificateError> {
        let mut names = None;
        for (pair, (certificate, key)) in pairs.iter().zip(&self.0) {
            let pem = |path: &PathBuf, what| CertificateError::Pem { path: path.clone(), what };
            let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(certificate).collect();
            let chain = chain.ok().filter(|chain| !chain.is_empty());
            let chain = chain.ok_or_else(|| pem(&pair.certificate, "certificate"))?;
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| pem(&pair.key, "private key"))?;
            let unusable = |why: String| CertificateError::Unusable { path: pair.certificate.clone(), why };
            let hosts = names::hosts(&chain[0]).map_err(|why| unusable(why.to_string()))?;
            let certified =
                CertifiedKey::from_der(chain, key, provider).map_err(|error| unusable(error.to_string()))?;
            let certified = Arc::new(certified);
            names.get_or_insert_with(|| Names::new(certified.clone())).add(hosts, &certified);
        }
        Ok(Loaded { names: Arc::new(names.ok_or(CertificateError::None)?), digest: self.digest() })
    }
}
