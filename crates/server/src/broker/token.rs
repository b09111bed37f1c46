//! `/sso/token`: an application exchanges its code for a profile and an access token.

use std::time::Duration;

use acquit_core::SessionId;
use acquit_oidc::pkce;
use acquit_store::{
    code::{CodeRecord, Mint, NewAccess, RedeemRefusal},
    user::User,
};
use axum::{
    Json,
    extract::{Request, State},
};
use serde_json::{Value, json};

use super::{
    authorize::SCOPE,
    call::{Fields, bearer, failed, idempotency_key, within_limit},
    error::Failure,
    ids, person,
};
use crate::{App, form::Address, random, settings::BrokerApplication};

const GRANT: &str = "authorization_code";
/// How many letters of a token tell the time.
const TIME: usize = 8;

/// `POST /sso/token`.
pub async fn exchange(
    State(app): State<App>,
    Address(address): Address,
    request: Request,
) -> Result<Json<Value>, Failure> {
    let mut proved = false;
    attempt(&app, request, &mut proved).await.map_err(|failure| match failure {
        // Whoever has shown the API key has a limit of its own.
        Failure::OAuth { .. } if !proved => failed(&app, &address, failure),
        failure => failure,
    })
}

async fn attempt(app: &App, request: Request, proved: &mut bool) -> Result<Json<Value>, Failure> {
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
    *proved = secret.is_some_and(|secret| application.api_key.matches(secret));
    if *proved {
        within_limit(app, &application)?;
    } else if secret.is_some() {
        return Err(unknown());
    }
    let gone = || Failure::oauth("invalid_grant", "the code is not good, or not for this client, or not any more");
    let code = fields.get("code").ok_or_else(|| Failure::oauth("invalid_request", "code is missing"))?;
    let hash = random::hash(code);
    let record = app.store.code(&hash).await?.filter(|record| record.grant.client_id == application.client_id);
    let record = record.ok_or_else(gone)?;
    // What is wrong up to here, or with the proof, does not use the code up.
    check_proof(&record, *proved, fields.get("code_verifier"))?;
    let access = match idempotency_key(&headers)? {
        Some(key) => derived(app, code, key),
        None => random::secret_at(app.clock.now())?,
    };
    redeem(app, &application, (&hash, record), access).await?.ok_or_else(gone)
}

/// The access token of a call with a name: unguessable without the master key, and the same each time, so that nothing need be
/// kept to give the same answer again. Like every token it begins with the time, which is the code's.
fn derived(app: &App, code: &str, key: &str) -> String {
    let tag = app.sealer.tag("sso access token", &[code, key]);
    format!("{}{}", code.get(..TIME).unwrap_or_default(), tag.get(TIME..).unwrap_or_default())
}

/// The answer once more, if it was this very call that used the code up and its token still is good.
async fn repeat(app: &App, application: &BrokerApplication, access: String) -> Result<Option<Json<Value>>, Failure> {
    let lifetimes = app.settings().lifetimes.session();
    let view = app.store.access_token(&random::hash(&access)).await?;
    let good = view.filter(|view| {
        view.grant.client_id == application.client_id
            && view.live(app.clock.now(), lifetimes)
            && !app.denials.denies_grant(&view.grant.session, false)
    });
    Ok(good.and_then(|view| {
        answer(
            app,
            application,
            (&view.grant.user, &view.grant.session.id),
            access,
            view.expires_at.since(view.issued_at),
        )
    }))
}

/// The reply. `session_id` is ours: by it an application finds its own session again that an event names.
fn answer(
    app: &App,
    application: &BrokerApplication,
    (user, session): (&User, &SessionId),
    access: String,
    life: Duration,
) -> Option<Json<Value>> {
    let connection = app.clients.connections().find(&user.origin.as_ref()?.connection)?;
    // The operator may have taken the organization from the application since.
    if !application.gets(connection.organization.as_ref()) {
        return None;
    }
    Some(Json(json!({
        "token_type": "Bearer",
        "access_token": access,
        "expires_in": life.as_secs(),
        "profile": person::profile(user, &connection),
        "session_id": ids::session(session.as_str()),
    })))
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
    (hash, record): (&acquit_store::Hash, CodeRecord),
    access: String,
) -> Result<Option<Json<Value>>, Failure> {
    let now = app.clock.now();
    let settings = app.settings();
    let life = settings.lifetimes.access_token;
    let mint = Mint {
        access: NewAccess {
            hash: random::hash(&access),
            expires_at: now.plus(life),
            scope: SCOPE.to_owned(),
            aud: vec![application.client_id.clone()],
        },
        refresh: None,
    };
    let minted = match app.store.redeem_code(hash, record, mint, now, settings.lifetimes.session()).await? {
        Ok(minted) => minted,
        Err(RedeemRefusal::Repeated) => return repeat(app, application, access).await,
        Err(RedeemRefusal::Unknown | RedeemRefusal::Refused(_)) => return Ok(None),
    };
    if app.denials.denies_grant(&minted.session, false) {
        return Ok(None);
    }
    Ok(answer(app, application, (&minted.user, &minted.session.id), access, life))
}
