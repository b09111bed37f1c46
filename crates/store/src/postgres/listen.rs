//! Hints of other nodes that the revocation log has more, by LISTEN on a connection of its own. Whoever misses one finds the rows
//! when they read next.

use std::{future::poll_fn, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::StoreError;

/// How a connection outside of the pool is made.
pub(super) struct Dial {
    pub(super) config: Config,
    pub(super) tls: Option<MakeRustlsConnect>,
}

impl Dial {
    /// Connects and listens.
    pub(super) async fn listen(&self, node: &str) -> Result<Hints, StoreError> {
        // One is as good as many.
        let (sender, heard) = mpsc::channel(1);
        let node = node.to_owned();
        let client = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                tokio::spawn(drive(connection, node, sender));
                client
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                tokio::spawn(drive(connection, node, sender));
                client
            }
        };
        client.batch_execute("LISTEN acquit_log").await?;
        Ok(Hints { heard, _client: client })
    }
}

/// TLS by the system's roots.
pub(super) fn tls() -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Url(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// The hints of other nodes, until the connection breaks or this is dropped.
pub struct Hints {
    heard: mpsc::Receiver<()>,
    _client: Client,
}

impl Hints {
    /// Waits for the next one; those that came meanwhile are one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the connection is gone: whoever wants more listens anew.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        let gone = || StoreError::Unavailable("the connection that listens is gone".to_owned());
        self.heard.recv().await.ok_or_else(gone)
    }
}

/// Moves the connection on to its end, which is that of the client.
async fn drive<S, T>(mut connection: Connection<S, T>, node: String, heard: mpsc::Sender<()>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
        if let AsyncMessage::Notification(hint) = message
            && hint.payload() != node
        {
            // Full: one waits already.
            let _ = heard.try_send(());
        }
    }
}
