//! The connector: look up, check every answer, dial a checked one, speak TLS to the name that was asked for. It is the
//! only place from which this crate reaches the network, so every connection passes the policy here.

use std::{
    future::{Future, Ready, ready},
    io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tower::Service;

use super::{Limits, Phase, Policy, Resolve, Trouble, url::Target};

/// More addresses than this for one name are not tried.
const MAX_TRIES: usize = 4;
/// More answers than this are no honest answer.
const MAX_ANSWERS: usize = 64;

pub(super) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Makes connections for the pooled client. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) policy: Arc<Policy>,
    pub(super) shared: Arc<Shared>,
}

/// What outlives a change of policy.
pub(super) struct Shared {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) tls: Arc<ClientConfig>,
    /// Whether there is any root certificate; without one, every https request fails, and should say why.
    pub(super) has_roots: bool,
    pub(super) limits: Limits,
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Trouble;
    type Future = BoxFuture<'static, Result<Stream, Trouble>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { this.connect(uri).await })
    }
}

impl Connector {
    async fn connect(&self, uri: Uri) -> Result<Stream, Trouble> {
        let target = Target::of_uri(&uri)?;
        let checked = self.resolve(&target).await?;
        let tcp = self.dial(&checked).await?;
        self.handshake(uri, tcp).await
    }

    /// Connects and hangs up.
    pub(super) async fn reach(&self, target: &Target) -> Result<(), Trouble> {
        let checked = self.resolve(target).await?;
        self.dial(&checked).await.map(drop)
    }

    /// All addresses of the target, each of which passed. One that does not pass refuses the whole: a name that answers
    /// with a public and a private address is either broken or an attack.
    async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>, Trouble> {
        if let Some(address) = target.literal() {
            return Ok(vec![self.policy.admit(target, address)?]);
        }
        let answers = within(self.shared.limits.dns, Phase::Dns, self.shared.resolver.lookup(target.host()))
            .await?
            .map_err(|error| Trouble::Dns(format!("{}: {error}", target.host())))?;
        if answers.is_empty() {
            return Err(Trouble::Dns(format!("{} has no address", target.host())));
        }
        if answers.len() > MAX_ANSWERS {
            return Err(Trouble::Dns(format!("{} has {} addresses", target.host(), answers.len())));
        }
        let mut checked = Vec::with_capacity(answers.len());
        for address in answers {
            let address = self.policy.admit(target, address)?;
            if !checked.contains(&address) {
                checked.push(address);
            }
        }
        Ok(checked)
    }

    /// Tries the checked addresses in turn. All share one limit, and none may use up what the next ones need.
    async fn dial(&self, checked: &[SocketAddr]) -> Result<TcpStream, Trouble> {
        let until = Instant::now() + self.shared.limits.connect;
        let tries = checked.len().min(MAX_TRIES);
        let mut last = Trouble::Timeout(Phase::Connect);
        for (index, address) in checked.iter().take(tries).enumerate() {
            let left = until.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(tries - index).unwrap_or(1);
            last = match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Requests are one small write each; waiting to fill a packet only delays them.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => Trouble::Connect(format!("{address}: {error}")),
                Err(_) => Trouble::Timeout(Phase::Connect),
            };
        }
        Err(last)
    }

    /// TLS for https, with the URL's host as the name that is asked for and that the certificate must carry.
    async fn handshake(&self, uri: Uri, tcp: TcpStream) -> Result<Stream, Trouble> {
        let dialled = Dialled(Some(TokioIo::new(tcp)));
        let mut https = HttpsConnector::from((dialled, Arc::clone(&self.shared.tls)));
        within(self.shared.limits.tls, Phase::Tls, https.call(uri)).await?.map_err(|error| {
            let hint = if self.shared.has_roots {
                ""
            } else {
                " (this machine has no root certificates: install ca-certificates, or configure roots)"
            };
            Trouble::Tls(format!("{error}{hint}"))
        })
    }
}

async fn within<F: Future>(limit: Duration, phase: Phase, future: F) -> Result<F::Output, Trouble> {
    timeout(limit, future).await.map_err(|_| Trouble::Timeout(phase))
}

/// A connector that was already connected: it hands the checked stream to the TLS layer, whatever it is asked for.
struct Dialled(Option<TokioIo<TcpStream>>);

impl Service<Uri> for Dialled {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<TokioIo<TcpStream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}
