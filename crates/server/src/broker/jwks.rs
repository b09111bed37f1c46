//! `/sso/jwks/{client_id}`: our RSA keys as WorkOS has them, each with a certificate. All our keys are at `/oauth2/v1/keys`.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{connections::named, error::Failure};
use crate::{App, keys::JWKS_MAX_AGE};

/// `GET /sso/jwks/{client_id}`.
pub async fn show(State(app): State<App>, Path(client_id): Path<String>) -> Result<Response, Failure> {
    if app.clients.connections().by_client_id(&client_id).is_none() {
        return Err(Failure::not_found(named(&client_id)));
    }
    let certified = app.keys.certified(app.issuer(), app.clock.now()).map_err(|error| {
        tracing::error!(%error, "a signing key cannot be certified");
        Failure::Internal
    })?;
    let key = |(key, certificate): &(acquit_oidc::jose::PublicJwk, acquit_saml::security::Certificate)| {
        json!({
            "alg": key.alg,
            "kty": key.kty,
            "use": key.usage,
            "x5c": [certificate.base64()],
            "n": key.n,
            "e": key.e,
            "kid": key.kid,
            "x5t#S256": URL_SAFE_NO_PAD.encode(digest(&SHA256, certificate.der())),
        })
    };
    let keys: Vec<Value> = certified.iter().map(key).collect();
    let caching = format!("public, max-age={}", JWKS_MAX_AGE.as_secs());
    Ok(([(header::CACHE_CONTROL, caching)], Json(json!({ "keys": keys }))).into_response())
}
