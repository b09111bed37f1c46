//! Which client calls, and has it proved itself? The rules are in [`acquit_oidc::client_auth`].

use std::{sync::Arc, time::Duration};

use acquit_oidc::{
    client::{Authentication, Client, ClientKeys},
    client_auth::{Credentials, Proof},
    error::{ErrorCode, OAuthError},
    jose::{Jwks, jwk::MAX_JWKS},
    params::Params,
};
use axum::{
    extract::Request,
    http::{HeaderMap, Uri, header},
};

use super::error::{Failure, ours, unreadable};
use crate::{
    App,
    fetched::{AGAIN_AFTER, USED_FOR},
    form, random,
};

/// The key set at `uri`, not older than that.
pub(crate) async fn keys_at(app: &App, uri: &str, younger_than: Duration) -> Option<Arc<Jwks>> {
    app.fetched_keys.get_by(uri, younger_than, || app.clock.now(), || fetch(app, uri)).await
}

async fn fetch(app: &App, uri: &str) -> Option<Arc<Jwks>> {
    let answer = match app.egress.fetch(uri, MAX_JWKS).await {
        Ok(answer) if answer.status == 200 && !answer.cut => answer,
        Ok(answer) => {
            tracing::warn!(uri, status = %answer.status, "a key set could not be fetched");
            return None;
        }
        Err(error) => {
            tracing::warn!(uri, %error, "a key set could not be fetched");
            return None;
        }
    };
    Jwks::parse(&answer.body).ok().map(Arc::new)
}

/// A call of a client: its parameters, and the client, which has proved itself as far as it can.
pub(super) struct Call {
    pub(super) client: Arc<Client>,
    pub(super) params: Params,
}

impl Call {
    /// Reads the form and checks the client.
    pub(super) async fn read(app: &App, request: Request) -> Result<Self, Failure> {
        let headers = request.headers().clone();
        let uri = request.uri().clone();
        let body = form::read_form(request).await.map_err(unreadable)?;
        let params = Params::parse_request(uri.query().unwrap_or_default().as_bytes(), &body)?;
        let client = authenticate(app, &headers, &uri, &params).await?;
        Ok(Self { client, params })
    }
}

fn authorization(headers: &HeaderMap) -> Result<Option<&str>, OAuthError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "more than one Authorization header was sent"));
    }
    Ok(value.map(|value| value.to_str().unwrap_or_default()))
}

async fn authenticate(app: &App, headers: &HeaderMap, uri: &Uri, params: &Params) -> Result<Arc<Client>, Failure> {
    let credentials = Credentials::parse(authorization(headers)?, params)?;
    let challenge = |failure: Failure| if credentials.in_header() { failure.with_basic_challenge() } else { failure };
    let client = app.clients.find(credentials.client_id()).await.map_err(|error| ours(&error))?;
    let endpoint = format!("{}{}", app.issuer(), uri.path());
    let token_endpoint = format!("{}{}", app.issuer(), acquit_oidc::discovery::Paths::NATIVE.token);
    let audiences = [app.issuer(), endpoint.as_str(), token_endpoint.as_str()];
    let now = app.clock.now();
    let verify = |fetched: Option<&Jwks>| credentials.verify(client.as_deref(), fetched, &audiences, now);
    let proof = match client.as_deref().map(|client| &client.authentication) {
        Some(Authentication::PrivateKeyJwt { keys: ClientKeys::JwksUri(uri), .. }) => {
            let fetched = keys_at(app, uri, USED_FOR).await;
            match verify(fetched.as_deref()) {
                Ok(proof) => Ok(proof),
                Err(_) => verify(keys_at(app, uri, AGAIN_AFTER).await.as_deref()),
            }
        }
        _ => verify(None),
    };
    let proof = proof.map_err(|error| challenge(error.into()))?;
    if let Proof::Assertion(assertion) = proof {
        let key = random::hash(&format!("{}\0{}", credentials.client_id(), assertion.jti));
        let fresh = app.store.remember_once("assertion", &key, assertion.remember_until).await;
        if !fresh.map_err(|error| ours(&error))? {
            return Err(OAuthError::new(ErrorCode::InvalidClient, "the assertion was used before").into());
        }
    }
    client.ok_or_else(|| OAuthError::new(ErrorCode::InvalidClient, "the client did not prove itself").into())
}
