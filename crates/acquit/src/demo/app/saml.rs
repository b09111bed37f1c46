//! What makes a sample application a service provider of SAML 2.0: its keys and metadata, its sign-in by Redirect and POST,
//! its sign-out by Redirect, and its receivers of logout messages, by SOAP and through the browser.

use std::sync::Arc;

use acquit_saml::{
    message::MessageId,
    metadata::{Endpoint, IdentityProvider, Peer},
    names::HTTP_REDIRECT,
    security::Trust,
};
use acquit_server::random::{self, NoRandomness};
use axum::{
    Router,
    routing::{get, post},
};
use url::Url;

use super::{
    App,
    provider::{ProviderError, ok},
    sessions::Session,
    waiting::Waiting,
};
use crate::demo::http::{Ask, HttpError};

mod identity;
mod sign_in;
mod sign_out;
mod slo;

pub(crate) use identity::Identity;
pub use identity::IdentityError;

/// A service provider of SAML. Clones share it.
#[derive(Clone)]
pub(crate) struct Saml {
    app: App,
    own: Arc<Identity>,
    provider: Arc<IdentityProvider>,
    trust: Trust,
    /// Where AuthnRequests and logout messages go by Redirect.
    sso: Arc<str>,
    slo: Arc<Endpoint>,
}

/// What only SAML needs to remember.
#[derive(Default)]
pub(super) struct Memory {
    /// The sign-ins that were begun, by the request's identifier: the cookie of the browser that began.
    asked: Waiting<String>,
    /// The sign-ins that are believed, by that cookie: the browser comes for its session with it.
    entered: Waiting<Session>,
    /// The SessionIndexes that a LogoutRequest ended: an assertion that comes after it is too late.
    over: Waiting<()>,
}

impl std::ops::Deref for Saml {
    type Target = App;
    fn deref(&self) -> &App {
        &self.app
    }
}

impl Saml {
    /// Reads the identity provider's metadata.
    pub(super) async fn start(app: App, own: Identity) -> Result<Self, ProviderError> {
        let url = format!("{}/saml/metadata", app.issuer);
        let url = Url::parse(&url).map_err(|_| HttpError::Elsewhere(url))?;
        let document = ok(Ask::get(url.clone())).await?;
        let nonsense = |why: String| ProviderError::Nonsense(url.clone(), why);
        let peer = Peer::from_metadata(document.as_bytes(), Some(url.as_str()), None, app.now());
        let peer = peer.map_err(|error| nonsense(error.to_string()))?;
        let provider = peer.idp.ok_or_else(|| nonsense("it describes no identity provider".to_owned()))?;
        let trust = provider.trust().map_err(|error| nonsense(error.to_string()))?;
        let sso = provider.single_sign_on.iter().find(|endpoint| endpoint.binding == HTTP_REDIRECT);
        let sso = sso.ok_or_else(|| nonsense("it has no SingleSignOnService for HTTP-Redirect".to_owned()))?;
        let sso = sso.location.as_str().into();
        let slo = provider.role.logout_by(HTTP_REDIRECT).cloned();
        let slo = slo.ok_or_else(|| nonsense("it has no SingleLogoutService for HTTP-Redirect".to_owned()))?;
        Ok(Self { app, own: Arc::new(own), provider: Arc::new(provider), trust, sso, slo: Arc::new(slo) })
    }

    pub(super) fn routes(&self) -> Router {
        Router::new()
            .route("/sign-in", get(sign_in::begin))
            .route("/saml/acs", post(sign_in::take))
            .route("/saml/enter", get(sign_in::enter))
            .route("/sign-out", post(sign_out::begin))
            .route("/saml/slo", get(slo::redirected).post(slo::posted))
            .route("/saml/slo/soap", post(slo::soap))
            .route("/saml/metadata", get(identity::show))
            .with_state(self.clone())
    }
}

fn new_id() -> Result<MessageId, NoRandomness> {
    random::bytes().map(MessageId::from_random)
}

#[cfg(test)]
mod tests;
