//! Serves Acquit's own doors, on the gateway's accept loop.

use acquit_gateway::listener::{self, Options};
use axum::{Router, body::Body, extract::ConnectInfo};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Serves `router` on `listener` until `stop`, then lets requests under way finish.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let answer = move |request: http::Request<hyper::body::Incoming>, caller: listener::Caller| {
        let router = router.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(caller.address));
            match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    };
    listener::serve(listener, Options::default(), answer, stop).await;
}
