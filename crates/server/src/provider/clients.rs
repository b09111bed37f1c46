//! `/oauth2/v1/clients`: dynamic client registration (RFC 7591, RFC 7592). The rules are in [`acquit_oidc::registration`].

use acquit_core::AppId;
use acquit_oidc::{
    client::{Authentication, Client, ClientKeys, SecretDigest},
    error::{ErrorCode, OAuthError},
    registration::{ClientDocument, ClientMetadata, Identity, document},
};
use acquit_store::client::ClientRecord;
use axum::{
    Json,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
};
use subtle::ConstantTimeEq;

use super::error::{Failure, no_randomness, ours, unreadable};
use crate::{App, form, random};

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (values.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then_some(token.trim())
}

fn not_allowed() -> Failure {
    let error = OAuthError::new(ErrorCode::InvalidToken, "the token does not allow this");
    Failure::from(error).with_bearer_challenge()
}

async fn metadata(request: Request) -> Result<axum::body::Bytes, Failure> {
    if !form::is_type(request.headers(), "application/json") {
        return Err(unreadable(form::BodyError::Type("application/json")));
    }
    form::read(request.into_body()).await.map_err(unreadable)
}

/// Refuses, already now, addresses that could never be told of a logout, or from which no keys could be fetched.
fn check_reachable(app: &App, client: &Client) -> Result<(), Failure> {
    let jwks_uri = match &client.authentication {
        Authentication::PrivateKeyJwt { keys: ClientKeys::JwksUri(uri), .. } => Some(uri),
        _ => None,
    };
    let named = [("backchannel_logout_uri", client.backchannel_logout_uri.as_ref()), ("jwks_uri", jwks_uri)];
    for (name, uri) in named {
        if uri.is_some_and(|uri| app.egress.check(uri).is_err()) {
            let why = format!("{name} is not an address that this server may reach");
            return Err(OAuthError::with(ErrorCode::InvalidClientMetadata, &why).into());
        }
    }
    Ok(())
}

fn record_of(
    client: &Client,
    before: Option<&ClientRecord>,
    token: Option<&str>,
    app: &App,
) -> Result<ClientRecord, Failure> {
    let now = app.clock.now();
    let metadata = serde_json::to_string(client)
        .map_err(|_| OAuthError::new(ErrorCode::ServerError, "the registration could not be kept"))?;
    Ok(ClientRecord {
        client_id: client.client_id.clone(),
        metadata,
        secret_hash: None,
        registration_token_hash: token
            .map(random::hash)
            .or_else(|| before.and_then(|before| before.registration_token_hash)),
        created_at: before.map_or(now, |before| before.created_at),
        updated_at: now,
    })
}

/// `POST /oauth2/v1/clients`: with an initial access token.
pub async fn register(State(app): State<App>, request: Request) -> Result<(StatusCode, Json<ClientDocument>), Failure> {
    if !bearer(request.headers()).is_some_and(|token| app.settings().registration.admits(token)) {
        return Err(not_allowed());
    }
    let metadata = ClientMetadata::parse(&metadata(request).await?)?;
    let client_id = format!("client_{}", random::secret().map_err(no_randomness)?);
    // 256 random bits: RFC 7591 wants it unguessable, and the issue at least 32 bytes.
    let secret = metadata.needs_secret()?.then(random::secret).transpose().map_err(no_randomness)?;
    let token = random::secret().map_err(no_randomness)?;
    let client = metadata.into_client(Identity {
        app: AppId::new(client_id.clone()),
        client_id,
        secret: secret.as_deref().map(SecretDigest::of),
    })?;
    check_reachable(&app, &client)?;
    let record = record_of(&client, None, Some(&token), &app)?;
    app.store.put_client(record.clone()).await.map_err(|error| ours(&error))?;
    app.clients.see(&record);
    let mut document = document(&client, record.created_at);
    document.client_secret = secret;
    document.registration_access_token = Some(token);
    document.registration_client_uri = Some(location(&app, &client.client_id));
    Ok((StatusCode::CREATED, Json(document)))
}

fn location(app: &App, client_id: &str) -> String {
    format!("{}/oauth2/v1/clients/{client_id}", app.issuer())
}

/// The registration that the token belongs to. An unknown client and a wrong token look the same (RFC 7592 section 2).
async fn own(app: &App, headers: &HeaderMap, client_id: &str) -> Result<(ClientRecord, Client), Failure> {
    let token = random::hash(bearer(headers).ok_or_else(not_allowed)?);
    let record = app.store.client(client_id).await.map_err(|error| ours(&error))?.ok_or_else(not_allowed)?;
    let fits = record.registration_token_hash.is_some_and(|hash| bool::from(hash.ct_eq(&token)));
    if !fits {
        return Err(not_allowed());
    }
    let client = serde_json::from_str(&record.metadata)
        .map_err(|_| OAuthError::new(ErrorCode::ServerError, "the registration cannot be read"))?;
    Ok((record, client))
}

/// `GET /oauth2/v1/clients/{client_id}`: with the registration access token.
pub async fn read(
    State(app): State<App>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<ClientDocument>, Failure> {
    let (record, client) = own(&app, &headers, &client_id).await?;
    Ok(Json(shown(&app, &record, &client)))
}

fn shown(app: &App, record: &ClientRecord, client: &Client) -> ClientDocument {
    let mut document = document(client, record.created_at);
    document.registration_client_uri = Some(location(app, &client.client_id));
    document
}

/// `PUT /oauth2/v1/clients/{client_id}`: replaces the registration; the secret stays.
pub async fn update(
    State(app): State<App>,
    Path(client_id): Path<String>,
    request: Request,
) -> Result<Json<ClientDocument>, Failure> {
    let (before, client) = own(&app, request.headers(), &client_id).await?;
    let metadata = ClientMetadata::parse_update(&metadata(request).await?, &client_id)?;
    let secret = match &client.authentication {
        Authentication::Secret { digests, .. } => digests.first().cloned(),
        _ => None,
    };
    if metadata.needs_secret()? && secret.is_none() {
        let why = "token_endpoint_auth_method cannot change to one that needs a secret; register anew";
        return Err(OAuthError::new(ErrorCode::InvalidClientMetadata, why).into());
    }
    let client = metadata.into_client(Identity { app: client.app, client_id, secret })?;
    check_reachable(&app, &client)?;
    let record = record_of(&client, Some(&before), None, &app)?;
    if !app.store.update_client(record.clone()).await.map_err(|error| ours(&error))? {
        return Err(not_allowed());
    }
    app.clients.see(&record);
    Ok(Json(shown(&app, &record, &client)))
}

/// `DELETE /oauth2/v1/clients/{client_id}`: 204. What was granted to it is revoked; logouts still tell it, as registered.
pub async fn delete(
    State(app): State<App>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    own(&app, &headers, &client_id).await?;
    app.store.delete_client(&client_id, app.clock.now()).await.map_err(|error| ours(&error))?;
    Ok(StatusCode::NO_CONTENT)
}
