//! Finding ports on loopback that are free for a browser too.

use std::{io, net::Ipv6Addr};

use tokio::net::{TcpListener, TcpSocket};

/// Listens on 127.0.0.1 at `preferred`, or at any free port when that is taken or none is preferred.
///
/// # Errors
/// When no port is free.
pub async fn listen(preferred: Option<u16>) -> io::Result<TcpListener> {
    if let Some(port) = preferred
        && let Ok(listener) = listen_at(port).await
    {
        return Ok(listener);
    }
    listen_at(0).await
}

/// Listens on 127.0.0.1 at `port`.
///
/// # Errors
/// When it is taken, also when it is taken on `::1`: browsers try that address for `localhost`, too, and would talk to
/// somebody else there.
pub async fn listen_at(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    match TcpListener::bind((Ipv6Addr::LOCALHOST, listener.local_addr()?.port())).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        // Free, or no IPv6 here.
        _ => Ok(listener),
    }
}

/// A port that refuses connections for as long as the socket is held: bound, so that nobody else gets it, and not
/// listening.
///
/// # Errors
/// When no port is free.
pub fn refuse() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_is_passed_over_or_refused() {
        let first = listen(None).await.unwrap();
        let taken = first.local_addr().unwrap().port();
        assert!(listen_at(taken).await.is_err());
        assert_ne!(listen(Some(taken)).await.unwrap().local_addr().unwrap().port(), taken);
    }

    #[tokio::test]
    async fn a_port_taken_on_the_other_loopback_address_counts_as_taken() {
        let Ok(six) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await else { return };
        assert!(listen_at(six.local_addr().unwrap().port()).await.is_err());
    }

    #[tokio::test]
    async fn a_refusing_port_refuses() {
        let socket = refuse().unwrap();
        assert!(tokio::net::TcpStream::connect(socket.local_addr().unwrap()).await.is_err());
    }
}
