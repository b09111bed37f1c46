//! A sample application: a real OIDC client with pages, a session of its own, and both kinds of logout receivers. It knows
//! of Acquit only what any client knows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use acquit_core::Timestamp;
use acquit_server::clock::{Clock, SystemClock};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio_util::sync::CancellationToken;

use super::kind::Kind;

mod backchannel;
mod error;
mod frontchannel;
mod page;
mod provider;
mod sessions;
mod sign_in;
mod sign_out;
mod switch;
mod waiting;

pub use provider::ProviderError;
pub(crate) use switch::Switch;

/// What a sample application is told at its start.
pub(crate) struct Setup {
    /// Which it is.
    pub(crate) kind: Kind,
    /// Where browsers reach it.
    pub(crate) origin: String,
    /// Its secret at the provider.
    pub(crate) secret: String,
    /// Its back channel, where that has a switch.
    pub(crate) switch: Option<Switch>,
    /// The other applications, by name and origin.
    pub(crate) neighbours: Vec<(String, String)>,
    /// When to stop.
    pub(crate) stop: CancellationToken,
}

/// A running sample application. Clones share it.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

/// Its parts.
pub(crate) struct Inner {
    kind: Kind,
    origin: String,
    secret: String,
    provider: provider::Provider,
    neighbours: Vec<(String, String)>,
    switch: Option<Switch>,
    stop: CancellationToken,
    memory: Mutex<Memory>,
}

/// All that it remembers.
#[derive(Default)]
struct Memory {
    sessions: sessions::Sessions,
    begun: waiting::Waiting<sign_in::Begun>,
    leaving: waiting::Waiting<()>,
    /// The logout tokens that were taken, by `jti`.
    seen: waiting::Waiting<()>,
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// An application of the provider `issuer`, which must be running.
    pub(crate) async fn start(setup: Setup, issuer: &str) -> Result<Self, ProviderError> {
        let Setup { kind, origin, secret, switch, neighbours, stop } = setup;
        let provider = provider::Provider::discover(issuer, SystemClock.now()).await?;
        let memory = Mutex::default();
        Ok(Self(Arc::new(Inner { kind, origin, secret, provider, neighbours, switch, stop, memory })))
    }

    /// Its doors.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/", get(page::home))
            .route("/state", get(page::state))
            .route("/app.css", get(page::style))
            .route("/app.js", get(page::script))
            .route("/icon.svg", get(page::icon))
            .route("/sign-in", get(sign_in::begin))
            .route("/callback", get(sign_in::finish))
            .route("/sign-out", post(sign_out::begin))
            .route("/signed-out", get(sign_out::finish))
            .route("/backchannel", post(backchannel::receive))
            .route("/frontchannel", get(frontchannel::receive))
            .route("/switch-on", post(switch::press))
            .fallback(page::nothing_here)
            .layer(DefaultBodyLimit::max(acquit_server::form::MAX_BODY))
            .layer(middleware::from_fn(common))
            .with_state(self.clone())
    }

    /// Which application it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Where browsers reach it.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Switches its back channel on, if it has a switch.
    #[cfg(test)]
    pub(crate) fn switch_on(&self) {
        switch::switch_on(self).unwrap();
    }

    fn callback(&self) -> String {
        format!("{}/callback", self.origin)
    }

    fn landing(&self) -> String {
        format!("{}/signed-out", self.origin)
    }

    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cookies do not respect ports, so each application's have a name of their own.
    fn cookie_name(&self, what: &str) -> String {
        format!("{}-{what}", self.kind.id)
    }

    fn cookie(&self, what: &str, value: &str) -> HeaderValue {
        let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax", self.cookie_name(what));
        // The name is a constant and the value URL-safe.
        HeaderValue::from_str(&cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    fn clear_cookie(&self, what: &str) -> HeaderValue {
        self.cookie(what, "; Max-Age=0")
    }

    fn read_cookie(&self, headers: &HeaderMap, what: &str) -> Option<String> {
        let name = self.cookie_name(what);
        let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = values.flat_map(|value| value.split("; ")).filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }
}

/// What every answer carries. `HEAD` acts nowhere.
async fn common(request: Request, next: Next) -> Response {
    let mut response =
        if request.method() == Method::HEAD { StatusCode::OK.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
