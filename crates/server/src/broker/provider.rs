//! What an identity provider publishes: its discovery document and its keys, fetched under the policy for outbound requests
//! and used for a while.

use std::sync::Arc;

use acquit_delivery::egress::{Incoming, Outgoing, PUBLIC};
use acquit_oidc::{
    jose::{IdToken, IdTokenError, Jwks},
    rp::{
        client::{self, Post},
        provider::{Expected, MAX_DOCUMENT, Provider, discovery_url},
    },
};
use axum::http::{HeaderValue, header};

use crate::{
    App,
    fetched::{AGAIN_AFTER, USED_FOR},
    provider::credentials::keys_at,
    settings::broker::OidcProvider,
};

/// Why a provider cannot be asked. Nothing is known of the person; trying again later is right.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// Its discovery document cannot be had, or is not its own.
    #[error("the identity provider {0} cannot be read")]
    Discovery(String),
    /// Its keys cannot be had.
    #[error("the keys of the identity provider {0} cannot be read")]
    Keys(String),
    /// It does not answer. Why, only the log says: whoever gave us the address would learn what lies behind this server.
    #[error("the identity provider {PUBLIC}")]
    Silent,
}

/// The discovery document of a provider.
///
/// # Errors
/// [`Unreachable::Discovery`].
pub async fn discover(app: &App, oidc: &OidcProvider) -> Result<Arc<Provider>, Unreachable> {
    let found = app.providers.get_by(&oidc.issuer, USED_FOR, || app.clock.now(), || fetch(app, oidc)).await;
    found.ok_or_else(|| Unreachable::Discovery(oidc.issuer.clone()))
}

async fn fetch(app: &App, oidc: &OidcProvider) -> Option<Arc<Provider>> {
    let refuse = |why: String| tracing::warn!(issuer = oidc.issuer, why, "a discovery document cannot be used");
    let url = discovery_url(&oidc.issuer).map_err(|error| refuse(error.to_string())).ok()?;
    let answer = app.egress.fetch(&url, MAX_DOCUMENT).await.map_err(|error| refuse(error.to_string())).ok()?;
    if answer.status != 200 || answer.cut {
        refuse(format!("{url} answers {}", answer.status));
        return None;
    }
    let provider = Provider::parse(&answer.body, Expected::Issuer(&oidc.issuer));
    provider.map_err(|error| refuse(error.to_string())).ok().map(Arc::new)
}

/// Judges a token with the provider's keys; where it wants fresher ones they are fetched once more.
///
/// # Errors
/// [`Judged`].
pub async fn judge(
    app: &App,
    provider: &Provider,
    judge: impl Fn(&Jwks) -> Result<IdToken, IdTokenError>,
) -> Result<IdToken, Judged> {
    let missing = || Unreachable::Keys(provider.issuer.clone());
    let keys = keys_at(app, &provider.jwks_uri, USED_FOR).await.ok_or_else(missing)?;
    match judge(&keys) {
        Err(error) if error.wants_fresh_keys() => {
            let keys = keys_at(app, &provider.jwks_uri, AGAIN_AFTER).await.ok_or_else(missing)?;
            Ok(judge(&keys)?)
        }
        judged => Ok(judged?),
    }
}

/// Why a token is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Judged {
    /// It cannot be judged now.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// It is not good.
    #[error(transparent)]
    Bad(#[from] IdTokenError),
}

/// Posts what was made for a provider's endpoint.
///
/// # Errors
/// [`Unreachable::Silent`].
pub async fn post(app: &App, post: &Post, max_answer: usize) -> Result<Incoming, Unreachable> {
    let silent = |why: String| {
        tracing::warn!(url = post.url, why, "an identity provider does not answer");
        Unreachable::Silent
    };
    let outgoing =
        outgoing(post, max_answer).ok_or_else(|| silent("our name there is no text for a header".to_owned()))?;
    app.egress.send(outgoing).await.map_err(|error| silent(error.to_string()))
}

/// The request that a [`Post`] is; none when a header cannot be written.
#[must_use]
pub fn outgoing(post: &Post, max_answer: usize) -> Option<Outgoing> {
    let mut outgoing =
        Outgoing::post(&post.url, HeaderValue::from_static(client::CONTENT_TYPE), post.body.as_bytes().to_vec());
    outgoing.headers.insert(header::ACCEPT, HeaderValue::from_static(client::ACCEPT));
    outgoing.max_body = max_answer;
    if let Some(authorization) = &post.authorization {
        let mut value = HeaderValue::from_str(authorization).ok()?;
        value.set_sensitive(true);
        outgoing.headers.insert(header::AUTHORIZATION, value);
    }
    Some(outgoing)
}
