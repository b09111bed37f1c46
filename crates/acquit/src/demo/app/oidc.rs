//! What makes a sample application a client of OpenID Connect.

use std::sync::Arc;

use acquit_server::clock::{Clock, SystemClock};
use axum::{
    Router,
    routing::{get, post},
};

use super::{
    App, backchannel, frontchannel,
    provider::{Provider, ProviderError},
    sign_in, sign_out, switch,
};

/// A client of OpenID Connect. Clones share it.
#[derive(Clone)]
pub(crate) struct Oidc {
    app: App,
    pub(super) secret: Arc<str>,
    pub(super) provider: Arc<Provider>,
}

impl std::ops::Deref for Oidc {
    type Target = App;
    fn deref(&self) -> &App {
        &self.app
    }
}

impl Oidc {
    pub(super) async fn start(app: App, secret: String) -> Result<Self, ProviderError> {
        let provider = Provider::discover(&app.issuer, SystemClock.now()).await?;
        Ok(Self { app, secret: secret.into(), provider: Arc::new(provider) })
    }

    pub(super) fn routes(&self) -> Router {
        Router::new()
            .route("/sign-in", get(sign_in::begin))
            .route("/callback", get(sign_in::finish))
            .route("/sign-out", post(sign_out::begin))
            .route("/signed-out", get(sign_out::finish))
            .route("/backchannel", post(backchannel::receive))
            .route("/frontchannel", get(frontchannel::receive))
            .route("/switch-on", post(switch::press))
            .with_state(self.clone())
    }

    pub(super) fn landing(&self) -> String {
        format!("{}/signed-out", self.origin)
    }
}
