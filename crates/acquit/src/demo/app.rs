//! A sample application: a real client with pages, a session of its own, and receivers of logout messages. It knows of
//! Acquit only what any client knows. What all of them share is here; how each speaks is in `app/oidc`, `app/saml` and
//! `app/broker`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use acquit_core::Timestamp;
use acquit_server::{
    clock::{Clock, SystemClock},
    random, respond,
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio_util::sync::CancellationToken;

use super::kind::Kind;

mod backchannel;
mod broker;
mod code_flow;
mod error;
mod frontchannel;
mod oidc;
mod page;
mod provider;
mod saml;
mod sessions;
mod sign_in;
mod sign_out;
mod switch;
mod waiting;

pub(crate) use broker::Account;
use broker::Broker;
use oidc::Oidc;
pub(super) use page::{icon, nothing_here, style};
pub use provider::ProviderError;
pub(crate) use saml::Identity;
pub use saml::IdentityError;
use saml::Saml;
pub(crate) use switch::Switch;

/// What a sample application is told at its start.
pub(crate) struct Setup {
    /// Which it is.
    pub(crate) kind: Kind,
    /// Where browsers reach it.
    pub(crate) origin: String,
    /// By which protocol.
    pub(crate) speaks: Speaks,
    /// The other applications, by name and origin.
    pub(crate) neighbours: Vec<(String, String)>,
    /// The identity provider behind Acquit, where browsers go on to at a sign-out.
    pub(crate) upstream: String,
    /// When to stop.
    pub(crate) stop: CancellationToken,
}

/// By which protocol a sample application speaks, and with what.
pub(crate) enum Speaks {
    /// OpenID Connect.
    Oidc {
        /// Its secret at the provider.
        secret: String,
        /// Its back channel, where that has a switch.
        switch: Option<Switch>,
    },
    /// SAML 2.0.
    Saml(Box<Identity>),
    /// WorkOS's wire.
    Broker(Account),
}

/// A running sample application. Clones share it.
#[derive(Clone)]
pub(crate) enum Sample {
    /// A client of OpenID Connect.
    Oidc(Oidc),
    /// A service provider of SAML.
    Saml(Saml),
    /// One whose people come through the broker.
    Broker(Broker),
}

impl Sample {
    /// An application of the provider `issuer`, which must be running.
    pub(crate) async fn start(setup: Setup, issuer: &str) -> Result<Self, ProviderError> {
        let Setup { kind, origin, speaks, neighbours, upstream, stop } = setup;
        let app = |switch| {
            let (issuer, memory) = (issuer.to_owned(), Mutex::default());
            App(Arc::new(Inner { kind, origin, issuer, upstream, neighbours, switch, stop, memory }))
        };
        Ok(match speaks {
            Speaks::Oidc { secret, switch } => Self::Oidc(Oidc::start(app(switch), secret).await?),
            Speaks::Saml(identity) => Self::Saml(Saml::start(app(None), *identity).await?),
            Speaks::Broker(account) => Self::Broker(Broker::new(app(None), account)),
        })
    }

    /// Its doors.
    pub(crate) fn router(&self) -> Router {
        let own = match self {
            Self::Oidc(app) => app.routes(),
            Self::Saml(app) => app.routes(),
            Self::Broker(app) => app.routes(),
        };
        let shared = Router::new()
            .route("/", get(page::home))
            .route("/state", get(page::state))
            .route("/app.css", get(page::style))
            .route("/app.js", get(page::script))
            .route("/icon.svg", get(page::icon))
            .with_state(self.app().clone());
        own.merge(shared)
            .fallback(page::nothing_here)
            .layer(DefaultBodyLimit::max(acquit_server::form::MAX_BODY))
            .layer(middleware::from_fn(common))
    }

    fn app(&self) -> &App {
        match self {
            Self::Oidc(app) => app,
            Self::Saml(app) => app,
            Self::Broker(app) => app,
        }
    }

    /// Which application it is.
    pub(crate) fn kind(&self) -> Kind {
        self.app().kind
    }

    /// Where browsers reach it.
    pub(crate) fn origin(&self) -> &str {
        &self.app().origin
    }

    /// Switches its back channel on, if it has a switch.
    #[cfg(test)]
    pub(crate) fn switch_on(&self) {
        if let Self::Oidc(app) = self {
            switch::switch_on(app).unwrap();
        }
    }
}

/// What every sample application has, whatever it speaks.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

/// Its parts.
pub(crate) struct Inner {
    kind: Kind,
    origin: String,
    issuer: String,
    upstream: String,
    neighbours: Vec<(String, String)>,
    switch: Option<Switch>,
    stop: CancellationToken,
    memory: Mutex<Memory>,
}

/// All that it remembers.
#[derive(Default)]
struct Memory {
    sessions: sessions::Sessions,
    begun: waiting::Waiting<code_flow::Begun>,
    saml: saml::Memory,
    /// The sign-outs that are to come back, by `state` or by the request's identifier.
    leaving: waiting::Waiting<()>,
    /// The messages that were taken: logout tokens by `jti`, SAML's by their identifiers.
    seen: waiting::Waiting<()>,
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
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

    /// Begins a session in this browser, instead of the one that it had.
    fn enter(
        &self,
        mut memory: MutexGuard<'_, Memory>,
        headers: &HeaderMap,
        session: sessions::Session,
    ) -> Result<Response, error::AppError> {
        let handle = random::secret()?;
        if let Some(former) = self.read_cookie(headers, "session") {
            memory.sessions.forget(&former);
        }
        memory.sessions.begin(handle.clone(), session);
        drop(memory);
        let response = respond::with_cookie(respond::see_other("/"), self.cookie("session", &handle));
        Ok(respond::with_cookie(response, self.clear_cookie("sign-in")))
    }
}

/// What every answer carries. `HEAD` acts nowhere.
pub(super) async fn common(request: Request, next: Next) -> Response {
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
