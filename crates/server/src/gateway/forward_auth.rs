//! Forward-auth: proxies that people have ask about each request whether it may pass, and pass it on themselves.
//!
//! It is decided as on the gateway's own data path, by the route's cookie, what has ended and the policy. What is open already the
//! proxy keeps open: the next request is refused.

mod answer;
pub mod grpc;

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
};

use acquit_gateway::{
    decide::{Decision, decide},
    forward_auth::{Original, Refused, envoy, forwarded, nginx},
};
use axum::{
    Router,
    extract::{ConnectInfo, FromRequest, Request, State},
    http::{HeaderMap, HeaderName, StatusCode, request::Parts},
    response::Response,
    routing::any,
};

use self::answer::Answer;
use super::{assertion, forbidden, sign_in, visitor};
use crate::App;

/// The doors. Every method gets the same answer: Envoy asks by the one that the browser used.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/auth/nginx", any(ask_nginx))
        .route("/auth/traefik", any(ask_traefik))
        .route("/auth/caddy", any(ask_caddy))
        .route(envoy::PREFIX, any(ask_envoy))
        .route("/auth/envoy/", any(ask_envoy))
        .route("/auth/envoy/{*path}", any(ask_envoy))
}

async fn ask_nginx(State(app): State<App>, Asker(parts): Asker) -> Response {
    // It clears headers by their whole names only, and asks with all that the browser sent.
    if parts.headers.keys().any(is_forged) {
        return Answer::forged().for_nginx();
    }
    ask(&app, &parts, nginx::read(&parts.headers)).await.for_nginx()
}

async fn ask_traefik(State(app): State<App>, Asker(parts): Asker) -> Response {
    ask(&app, &parts, forwarded::read(&parts.headers)).await.for_proxy()
}

async fn ask_caddy(State(app): State<App>, Asker(parts): Asker) -> Response {
    ask(&app, &parts, forwarded::read(&parts.headers)).await.for_caddy()
}

async fn ask_envoy(State(app): State<App>, Asker(parts): Asker) -> Response {
    ask(&app, &parts, envoy::read(&parts.method, &parts.uri, &parts.headers)).await.for_envoy()
}

/// Whether a header has a name that only Acquit may use, and Acquit does not: nothing would take its place.
fn is_forged(name: &HeaderName) -> bool {
    let ours = ["x-acquit-", "x-pomerium-"].iter().any(|prefix| name.as_str().starts_with(prefix));
    ours && !assertion::HEADERS.contains(name)
}

/// What a proxy asks that the operator trusts to say whom it asks for.
struct Asker(Parts);

impl FromRequest<App> for Asker {
    type Rejection = NotTrusted;

    async fn from_request(request: Request, app: &App) -> Result<Self, NotTrusted> {
        let parts = request.into_parts().0;
        only_trusted(&parts, app)?;
        Ok(Self(parts))
    }
}

/// The answer to whoever is no proxy that the operator trusts.
type NotTrusted = (StatusCode, &'static str);

fn only_trusted(parts: &Parts, app: &App) -> Result<(), NotTrusted> {
    // Whoever has no connection is nobody's proxy.
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    if peer.is_some_and(|peer| app.server.trusted_proxies.iter().any(|net| net.contains(&peer))) {
        return Ok(());
    }
    // Anybody can ask: the operator is told once.
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            peer = peer.map(tracing::field::display),
            path = parts.uri.path(),
            "forward-auth is asked from an address that is not in `server.trusted_proxies`; if that is your proxy, add it there"
        );
    }
    Err((StatusCode::FORBIDDEN, "forward-auth answers trusted proxies only\n"))
}

/// Decides about a request as a proxy describes it.
async fn ask(app: &App, parts: &Parts, read: Result<Original, Refused>) -> Answer {
    match read {
        Ok(original) => judge(app, &original, &parts.headers).await.unwrap_or_else(Answer::from),
        Err(refused) => Answer::from(refused),
    }
}

async fn judge(app: &App, original: &Original, headers: &HeaderMap) -> Result<Answer, Refused> {
    let routes = app.gate.routes();
    let own = app.issuer().split_once("://").map_or("", |(_, authority)| authority);
    let (route, path) = original.route(&routes, own)?;
    let identity = visitor::identity(app, &route.from, headers);
    let standing = app.gate.standing();
    let mut decision = decide(route, &path.plain, identity.clone(), standing);
    if decision == Decision::Unsure {
        if let Err(error) = app.gate.refresh(&app.store).await {
            tracing::debug!(%error, "it cannot be said whether a session lives");
            return Ok(Answer::unsure());
        }
        decision = decide(route, &path.plain, identity, standing);
    }
    Ok(match decision {
        Decision::Public(None) => Answer::pass(headers, HeaderMap::new()),
        Decision::Public(Some(identity)) | Decision::Pass(identity) => {
            let now = app.clock.now();
            app.gate.used(&identity.session, now);
            // Room for all that is told, and a little that comes with it.
            let mut told = HeaderMap::with_capacity(assertion::HEADERS.len() + 4);
            if route.pass_identity {
                app.assertions.tell(&route.from, &identity, now, &mut told);
            }
            Answer::pass(headers, told)
        }
        // Its new cookie comes with the way back: an answer to a proxy's question sets none.
        Decision::SignIn | Decision::Renew(_) => {
            Answer::Other(sign_in::answer(app, &route.from, &original.method, &original.target, headers))
        }
        Decision::Forbidden(identity) => {
            Answer::Other(forbidden::answer(app, &route.from, &identity, &original.method, headers))
        }
        Decision::Unsure => Answer::unsure(),
    })
}
