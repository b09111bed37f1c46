//! What the data path asks of a server, where that is elsewhere: what this node cannot answer is passed on.

use std::sync::Arc;

use acquit_core::{SessionId, Timestamp};
use acquit_gateway::{
    hygiene::host as named,
    identity::Identity,
    listener::Caller,
    proxy::{House, Onward, Renewed, Unanswered, Unavailable},
    route::Route,
};
use acquit_oidc::response::add_query;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, request::Parts},
    response::IntoResponse,
};
use hyper::body::Incoming;
use ipnet::IpNet;

use super::Node;
use crate::gateway::{SIGN_IN, forbidden, host, sign_in};

/// A server elsewhere, as the data path sees it.
pub struct Elsewhere {
    pub(super) node: Arc<Node>,
    pub(super) onward: Option<Onward>,
    pub(super) trusted_proxies: Vec<IpNet>,
}

impl House for Elsewhere {
    type Body = Body;

    fn now(&self) -> Timestamp {
        self.node.clock.now()
    }

    async fn refresh(&self) -> Result<(), Unavailable> {
        self.node.refresh().await.map_err(|error| {
            tracing::warn!(%error, "the gateway cannot learn what has ended");
            Unavailable
        })
    }

    /// Passes on what is Acquit's own on the host of a route.
    async fn door(&self, request: Request<Incoming>, caller: &Caller) -> Response<Body> {
        let routes = self.node.gate.routes();
        let name = named::of(request.uri(), request.headers()).unwrap_or_default();
        let (Some(origin), Some(onward)) = (host::by_authority(&routes, &name), &self.onward) else {
            return plain(StatusCode::MISDIRECTED_REQUEST, "nothing is served here under this name\n");
        };
        match onward.pass(request, (caller, origin), &self.trusted_proxies).await {
            Ok(response) => response.map(Body::new),
            Err(Unanswered::Request) => plain(StatusCode::BAD_REQUEST, "this request is not taken here\n"),
            Err(Unanswered::Server) => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "signing in and out is not possible right now, and nothing was confirmed; please try again\n",
            ),
        }
    }

    /// Sends a navigation to the sign-in at the route's own host, which is passed on.
    async fn sign_in(&self, request: &Parts, route: &Route) -> Response<Body> {
        if !sign_in::is_navigation(&request.method, &request.headers) {
            return sign_in::not_signed_in(&route.from, &request.headers);
        }
        let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
        let to = add_query(SIGN_IN, &[("redirect_uri", path.to_owned())]);
        let Ok(location) = HeaderValue::from_str(&to) else {
            return sign_in::not_signed_in(&route.from, &request.headers);
        };
        let no_store = HeaderValue::from_static("no-store");
        (StatusCode::FOUND, [(header::LOCATION, location), (header::CACHE_CONTROL, no_store)]).into_response()
    }

    /// Only a server can describe a person: theirs is a sign-in that asks them nothing.
    async fn renew(&self, _: &Route, _: &Identity) -> Result<Option<Renewed>, Unavailable> {
        Ok(None)
    }

    fn forbidden(&self, request: &Parts, route: &Route, identity: &Identity) -> Response<Body> {
        forbidden::answer_at(|| route.label().to_owned(), identity, &request.method, &request.headers)
    }

    fn identity_headers(&self, route: &Route, identity: &Identity, headers: &mut HeaderMap) {
        self.node.assertions.tell(&route.from, identity, self.now(), headers);
    }

    fn used(&self, session: &SessionId) {
        self.node.gate.used(session, self.now());
    }
}

fn plain(status: StatusCode, words: &'static str) -> Response<Body> {
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")], words).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}
