//! `/healthz` and `/readyz` of a node that is only a gateway.

use std::sync::Arc;

use axum::{Router, extract::State, http::StatusCode, routing::get};

use super::Node;
use crate::health;

/// The doors.
pub(super) fn routes(node: Arc<Node>) -> Router {
    Router::new().route("/healthz", get(health::live)).route("/readyz", get(ready)).with_state(node)
}

/// `GET /readyz`: the node knows what has ended.
async fn ready(State(node): State<Arc<Node>>) -> (StatusCode, &'static str) {
    match node.refresh().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready: the store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
        }
    }
}
