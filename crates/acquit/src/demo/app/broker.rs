//! What makes a sample application one of a SaaS developer's, whose customers bring identity providers of their own: it
//! speaks WorkOS's wire with Acquit, by hand what that vendor's SDKs do.

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use http::{HeaderValue, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{
    App,
    provider::{ProviderError, json},
};
use crate::demo::http::{Ask, HttpError};

mod logout;
mod sign_in;
mod sign_out;
mod webhook;

/// What a SaaS developer has of the broker.
pub(crate) struct Account {
    /// The application's name there.
    pub(crate) client_id: String,
    /// Its API key.
    pub(crate) api_key: String,
    /// What the events that it is told are signed with.
    pub(crate) webhook_secret: String,
    /// The connection of its one customer.
    pub(crate) connection: String,
}

/// An application behind the broker. Clones share it.
#[derive(Clone)]
pub(crate) struct Broker {
    app: App,
    account: Arc<Account>,
}

impl std::ops::Deref for Broker {
    type Target = App;
    fn deref(&self) -> &App {
        &self.app
    }
}

impl Broker {
    pub(super) fn new(app: App, account: Account) -> Self {
        Self { app, account: Arc::new(account) }
    }

    pub(super) fn routes(&self) -> Router {
        Router::new()
            .route("/sign-in", get(sign_in::begin))
            .route("/callback", get(sign_in::finish))
            .route("/sign-out", post(sign_out::begin))
            .route("/logout", get(logout::receive))
            .route("/webhook", post(webhook::receive))
            .with_state(self.clone())
    }

    /// Calls the broker's API with the key.
    async fn call<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, ProviderError> {
        let url = format!("{}{path}", self.issuer);
        let url = Url::parse(&url).map_err(|_| HttpError::Elsewhere(url))?;
        let mut ask = Ask::post_json(url, body);
        let key = format!("Bearer {}", self.account.api_key);
        let mut key = HeaderValue::from_str(&key).unwrap_or_else(|_| HeaderValue::from_static(""));
        key.set_sensitive(true);
        ask.headers.insert(header::AUTHORIZATION, key);
        json(ask).await
    }
}
