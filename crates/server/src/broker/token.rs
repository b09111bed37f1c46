//! `/sso/token`: an application exchanges its code for a profile and an access token.

use acquit_oidc::pkce;
use acquit_store::code::{CodeRecord, Mint, NewAccess, RedeemRefusal};
use axum::{
    Json,
    extract::{Request, State},
};
use serde_json::{Value, json};

use super::{
    authorize::SCOPE,
    call::{Fields, bearer},
    error::Failure,
    person,
};
use crate::{App, random, settings::BrokerApplication};

const GRANT: &str = "authorization_code";

/// `POST /sso/token`.
pub async fn exchange(State(app): State<App>, request: Request) -> Result<Json<Value>, Failure> {
    let headers = request.headers().clone();
    let fields = Fields::read(request).await?;
    match fields.get("grant_type") {
        Some(GRANT) => {}
        Some(_) => return Err(Failure::oauth("unsupported_grant_type", "grant_type must be authorization_code")),
        None => return Err(Failure::oauth("invalid_request", "grant_type is missing")),
    }
    let unknown = || Failure::oauth("invalid_client", "the client is unknown, or its secret is another");
    let client_id = fields.get("client_id").ok_or_else(unknown)?;
    let application = app.clients.connections().by_client_id(client_id).ok_or_else(unknown)?;
    // The SDKs send the API key as the secret, and some of them in the header as well.
    let secret = fields.get("client_secret").or_else(|| bearer(&headers));
    let proved = secret.is_some_and(|secret| application.api_key.matches(secret));
    if secret.is_some() && !proved {
        return Err(unknown());
    }
    let gone = || Failure::oauth("invalid_grant", "the code is not good, or not for this client, or not any more");
    let code = fields.get("code").ok_or_else(|| Failure::oauth("invalid_request", "code is missing"))?;
    let hash = random::hash(code);
    let record = app.store.code(&hash).await?.filter(|record| record.grant.client_id == application.client_id);
    let record = record.ok_or_else(gone)?;
    // What is wrong up to here, or with the proof, does not use the code up.
    check_proof(&record, proved, fields.get("code_verifier"))?;
    redeem(&app, &application, &hash).await?.ok_or_else(gone)
}

/// A client without a secret is as good as its proof key, and a proof key that was announced is asked for.
fn check_proof(record: &CodeRecord, proved: bool, verifier: Option<&str>) -> Result<(), Failure> {
    let challenge = record.grant.pkce.as_ref().map(|pkce| pkce.challenge.as_str());
    if challenge.is_none() && !proved {
        return Err(Failure::oauth("invalid_client", "the client has to prove who it is, or to use PKCE"));
    }
    pkce::verify(challenge, verifier).map_err(|error| Failure::oauth("invalid_grant", error.to_string()))
}

async fn redeem(
    app: &App,
    application: &BrokerApplication,
    hash: &acquit_store::Hash,
) -> Result<Option<Json<Value>>, Failure> {
    let now = app.clock.now();
    let settings = app.settings();
    let life = settings.lifetimes.access_token;
    let access = random::secret_at(now)?;
    let mint = Mint {
        access: NewAccess {
            hash: random::hash(&access),
            expires_at: now.plus(life),
            scope: SCOPE.to_owned(),
            aud: vec![application.client_id.clone()],
        },
        refresh: None,
    };
    let minted = match app.store.redeem_code(hash, mint, now, settings.lifetimes.session()).await? {
        Ok(minted) => minted,
        Err(RedeemRefusal::Unknown | RedeemRefusal::Refused(_)) => return Ok(None),
    };
    if app.denials.denies_grant(&minted.session, false) {
        return Ok(None);
    }
    let origin = minted.user.origin.as_ref();
    let Some(connection) = origin.and_then(|origin| app.clients.connections().find(&origin.connection)) else {
        return Ok(None);
    };
    Ok(Some(Json(json!({
        "token_type": "Bearer",
        "access_token": access,
        "expires_in": life.as_secs(),
        "profile": person::profile(&minted.user, &connection),
    }))))
}
