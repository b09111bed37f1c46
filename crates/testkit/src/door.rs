//! A port whose server can be taken away and put back, as an application that is down for a while.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Mutex,
};

use tokio::{net::TcpListener, task::JoinHandle};

use crate::rp::lock;

/// Makes a server of a listener.
type Serve = Box<dyn Fn(TcpListener) -> JoinHandle<()> + Send + Sync>;

/// The port and its server, which ends with this.
pub(crate) struct Door {
    address: SocketAddr,
    serve: Serve,
    server: Mutex<Option<JoinHandle<()>>>,
}

/// A free port at an address of this machine.
pub(crate) async fn listen(at: IpAddr) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((at, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

impl Door {
    /// Open.
    pub(crate) fn open(
        listener: TcpListener,
        serve: impl Fn(TcpListener) -> JoinHandle<()> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let server = Mutex::new(Some(serve(listener)));
        Self { address, serve: Box::new(serve), server }
    }

    /// Connections are refused from now on, those that hang are cut.
    pub(crate) fn close(&self) {
        if let Some(server) = lock(&self.server).take() {
            server.abort();
        }
    }

    /// Opens the same port again.
    ///
    /// # Panics
    /// Somebody else took it.
    pub(crate) async fn reopen(&self) {
        self.close();
        let listener = loop {
            // The aborted task may still hold the port for an instant.
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        *lock(&self.server) = Some((self.serve)(listener));
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.close();
    }
}
