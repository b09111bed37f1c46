//! `/sso/oidc/backchannel-logout/{external_key}`: an identity provider tells us of a logout (Back-Channel Logout 1.0 as the
//! relying party, section 2.6 onward).

use std::time::Duration;

use acquit_core::plan::{By, Scope, Tell};
use acquit_oidc::{
    error::{ErrorCode, OAuthError},
    jose::{CLOCK_SKEW, Jwks, LogoutSubject, LogoutToken, LogoutTokenError, LogoutTokenRules, verify_logout_token},
    logout_token,
    params::Params,
};
use acquit_store::{session::SessionView, upstream::UpstreamName};
use axum::{
    Json,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{provider::discover, secrets::tombstone};
use crate::{
    App,
    fetched::{AGAIN_AFTER, USED_FOR},
    form::{self, Address},
    logout::{Order, log_out},
    provider::credentials::keys_at,
    random,
    settings::{Connection, broker::UpstreamProvider},
};

/// How long a logout of a session that is not known here is remembered: its sign-in may be on its way.
pub(super) const TOMBSTONE_LIFE: Duration = Duration::from_secs(10 * 60);
const SEEN: &str = "logout-jti";

/// Why a logout token is not acted on.
enum Refused {
    /// What the provider sent does not do.
    Bad(OAuthError),
    /// We cannot act now: the provider should try again.
    NotNow(&'static str),
}

impl<T: Into<OAuthError>> From<T> for Refused {
    fn from(error: T) -> Self {
        Self::Bad(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Bad(error) => (StatusCode::BAD_REQUEST, Json(&error)).into_response(),
            Self::NotNow(why) => {
                let error = OAuthError::new(ErrorCode::TemporarilyUnavailable, why);
                (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], Json(&error)).into_response()
            }
        }
    }
}

/// `POST`: the logout token in a form.
pub async fn receive(
    State(app): State<App>,
    Path(key): Path<String>,
    Address(address): Address,
    request: Request,
) -> Response {
    let Some(connection) = app.clients.connections().by_key(&key) else { return StatusCode::NOT_FOUND.into_response() };
    let received = async {
        let body = form::read_form(request)
            .await
            .map_err(|error| OAuthError::with(ErrorCode::InvalidRequest, &error.to_string()))?;
        let params = Params::parse(&body)?;
        act(&app, &connection, logout_token::parse(&params)?, address).await
    };
    match received.await {
        Ok(()) => (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Err(refused) => {
            if let Refused::Bad(error) = &refused {
                tracing::warn!(connection = %connection.id, %error, "a logout token from upstream is refused");
            }
            refused.into_response()
        }
    }
}

async fn act(app: &App, connection: &Connection, raw: &str, address: String) -> Result<(), Refused> {
    let UpstreamProvider::Oidc(oidc) = &connection.provider;
    let provider = discover(app, oidc).await.map_err(|_| Refused::NotNow("the provider's document cannot be read"))?;
    let rules =
        LogoutTokenRules { issuer: &oidc.issuer, client_id: &oidc.client_id, alg: oidc.algorithm, require_typ: false };
    let now = app.clock.now();
    let judge = |keys: &Jwks| verify_logout_token(keys, rules, raw, now);
    let token = judge_with_keys(app, &provider.jwks_uri, judge).await?;
    if !is_new(app, connection, &token, raw).await? {
        return Ok(());
    }
    let ended = end(app, connection, &token, address).await.map_err(|error| {
        tracing::warn!(connection = %connection.id, %error, "a logout from upstream could not be made durable");
        Refused::NotNow("the logout could not be made durable; try again")
    })?;
    remember(app, connection, &token, raw).await?;
    tracing::info!(connection = %connection.id, sessions = ended, "signed out by an identity provider");
    Ok(())
}

async fn judge_with_keys(
    app: &App,
    jwks_uri: &str,
    judge: impl Fn(&Jwks) -> Result<LogoutToken, LogoutTokenError>,
) -> Result<LogoutToken, Refused> {
    let missing = || Refused::NotNow("the provider's keys cannot be read");
    let keys = keys_at(app, jwks_uri, USED_FOR).await.ok_or_else(missing)?;
    let judged = match judge(&keys) {
        Err(error) if error.wants_fresh_keys() => {
            judge(&*keys_at(app, jwks_uri, AGAIN_AFTER).await.ok_or_else(missing)?)
        }
        judged => judged,
    };
    judged.map_err(|error| logout_token::refusal(error).into())
}

fn jti_hash(connection: &Connection, token: &LogoutToken) -> acquit_store::Hash {
    random::hash(&format!("{}\0{}", connection.id, token.jti))
}

fn bytes_hash(connection: &Connection, raw: &str) -> acquit_store::Hash {
    random::hash(&format!("{}\0{raw}", connection.id))
}

/// Whether the token was not taken before. The same bytes again are answered the same and do nothing; another token of that
/// name is refused (BC-27).
async fn is_new(app: &App, connection: &Connection, token: &LogoutToken, raw: &str) -> Result<bool, Refused> {
    let busy = |_| Refused::NotNow("the store did not answer");
    if !app.store.was_used(SEEN, &jti_hash(connection, token)).await.map_err(busy)? {
        return Ok(true);
    }
    if app.store.was_used(SEEN, &bytes_hash(connection, raw)).await.map_err(busy)? {
        return Ok(false);
    }
    Err(OAuthError::new(ErrorCode::InvalidRequest, "another logout token had this jti").into())
}

async fn remember(app: &App, connection: &Connection, token: &LogoutToken, raw: &str) -> Result<(), Refused> {
    let until = token.expires_at.plus(CLOCK_SKEW);
    for hash in [bytes_hash(connection, raw), jti_hash(connection, token)] {
        let kept = app.store.remember_once(SEEN, &hash, until).await;
        kept.map_err(|_| Refused::NotNow("the store did not answer"))?;
    }
    Ok(())
}

/// Ends what the token names; how many sessions that were.
async fn end(
    app: &App,
    connection: &Connection,
    token: &LogoutToken,
    address: String,
) -> Result<usize, crate::logout::LogoutError> {
    let (name, sid) = match &token.subject {
        LogoutSubject::Session { sid, sub: None } => (UpstreamName::Sid(sid.clone()), Some(sid)),
        LogoutSubject::Session { sid, sub: Some(sub) } => {
            (UpstreamName::Both { sid: sid.clone(), subject: sub.clone() }, Some(sid))
        }
        LogoutSubject::User { sub } => (UpstreamName::Subject(sub.clone()), None),
    };
    if let Some(sid) = sid {
        // Before it is looked for: a sign-in that is written now finds either this or is found.
        app.store.lay_tombstone(&tombstone(&connection.id, sid), app.clock.now().plus(TOMBSTONE_LIFE)).await?;
    }
    let sessions = app.store.sessions_from(&connection.id, name).await?;
    end_all(app, connection, &sessions, None, Some(address)).await?;
    Ok(sessions.len())
}

/// Ends sessions because their provider says so. Each is a logout of its own: its receipt is its person's.
pub(super) async fn end_all(
    app: &App,
    connection: &Connection,
    sessions: &[SessionView],
    browser: Option<&acquit_core::SessionId>,
    ip: Option<String>,
) -> Result<Vec<crate::logout::Done>, crate::logout::LogoutError> {
    let mut all = Vec::new();
    for view in sessions {
        let order = Order {
            scope: Scope::Session(view.session.id.clone()),
            by: By::Upstream,
            party: Some(connection.id.to_string()),
            reason: None,
            tell: Tell::Everyone,
            ip: ip.clone(),
            browser: browser.filter(|browser| **browser == view.session.id).cloned(),
            named: Vec::new(),
        };
        all.push(log_out(app, order).await?);
    }
    Ok(all)
}
