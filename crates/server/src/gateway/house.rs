//! What the gateway's data path asks of this server.

use std::sync::Arc;

use acquit_core::{SessionId, Timestamp};
use acquit_gateway::{
    identity::Identity,
    listener::Caller,
    proxy::{House, Renewed, Unavailable},
    route::Route,
};
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request, Response, request::Parts},
};
use hyper::body::Incoming;
use tower::ServiceExt;

use super::{forbidden, person, sign_in};
use crate::App;

/// This server, as the data path sees it.
pub struct Server {
    app: App,
    doors: Router,
}

impl Server {
    /// With all of its doors.
    #[must_use]
    pub fn new(app: App, doors: Router) -> Self {
        Self { app, doors }
    }
}

impl House for Server {
    type Body = Body;

    fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    async fn refresh(&self) -> Result<(), Unavailable> {
        self.app.gate.refresh(&self.app.store).await.map_err(|error| {
            tracing::warn!(%error, "the gateway cannot learn what has ended");
            Unavailable
        })
    }

    async fn door(&self, request: Request<Incoming>, caller: &Caller) -> Response<Body> {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(caller.address));
        self.doors.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }

    async fn sign_in(&self, request: &Parts, route: &Route) -> Response<Body> {
        let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
        sign_in::answer(&self.app, &route.from, &request.method, path, &request.headers)
    }

    async fn renew(&self, route: &Route, identity: &Identity) -> Result<Option<Renewed>, Unavailable> {
        match person::renew(&self.app, &route.from, identity).await {
            Ok(renewed) => Ok(renewed.map(|(identity, cookie)| Renewed { identity: Arc::new(identity), cookie })),
            Err(error) => {
                tracing::warn!(?error, user = %identity.user, "somebody could not be described anew");
                Err(Unavailable)
            }
        }
    }

    fn forbidden(&self, request: &Parts, route: &Route, identity: &Identity) -> Response<Body> {
        forbidden::answer(&self.app, &route.from, identity, &request.method, &request.headers)
    }

    fn identity_headers(&self, route: &Route, identity: &Identity, headers: &mut HeaderMap) {
        self.app.assertions.tell(&route.from, identity, self.app.clock.now(), headers);
    }

    fn used(&self, session: &SessionId) {
        self.app.gate.used(session, self.app.clock.now());
    }
}
