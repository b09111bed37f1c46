//! `/sso/oidc/backchannel-logout/{external_key}`: an identity provider tells us of a logout (Back-Channel Logout 1.0 as the
//! relying party, section 2.6 onward).

use std::time::Duration;

use acquit_core::{
    SessionId, Timestamp, UserId,
    plan::{By, Scope, Tell},
};
use acquit_oidc::{
    error::{ErrorCode, OAuthError},
    jose::{CLOCK_SKEW, Jwks, LogoutSubject, LogoutToken, LogoutTokenError, LogoutTokenRules, verify_logout_token},
    logout_token,
    params::Params,
};
use acquit_store::{
    replay::{LOGOUT_TOKEN, Once},
    session::SessionView,
    upstream::{Tombstone, UpstreamName},
};
use axum::{
    Json,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    provider::discover,
    secrets::{grave_of_person, tombstone},
};
use crate::{
    App,
    fetched::{AGAIN_AFTER, USED_FOR},
    form::{self, Address},
    logout::{Done, LogoutError, Order, log_out_once},
    provider::credentials::keys_at,
    random,
    settings::Connection,
};

/// How long a logout of a session that is not known here is remembered: its sign-in may be on its way.
pub(crate) const TOMBSTONE_LIFE: Duration = Duration::from_secs(10 * 60);

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
    let oidc = connection.oidc().ok_or(Refused::NotNow("this connection is another one now"))?;
    let provider = discover(app, oidc).await.map_err(|_| Refused::NotNow("the provider's document cannot be read"))?;
    let rules =
        LogoutTokenRules { issuer: &oidc.issuer, client_id: &oidc.client_id, alg: oidc.algorithm, require_typ: false };
    let now = app.clock.now();
    let judge = |keys: &Jwks| verify_logout_token(keys, rules, raw, now);
    let token = judge_with_keys(app, &provider.jwks_uri, judge).await?;
    if !is_new(app, connection, &token, raw).await? {
        return Ok(());
    }
    match end(app, connection, &token, address).await {
        Ok(sessions) => {
            tracing::info!(connection = %connection.id, sessions, "signed out by an identity provider");
            Ok(())
        }
        // The same token twice at once: the other one does it.
        Err(LogoutError::Replayed) => Ok(()),
        Err(error) => {
            tracing::warn!(connection = %connection.id, %error, "a logout from upstream could not be made durable");
            Err(Refused::NotNow("the logout could not be made durable; try again"))
        }
    }
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

/// Whether the token was not acted on before. The same bytes again are answered the same and do nothing; another token of that
/// name is refused (BC-27), also when both arrive at once.
async fn is_new(app: &App, connection: &Connection, token: &LogoutToken, raw: &str) -> Result<bool, Refused> {
    let busy = |_| Refused::NotNow("the store did not answer");
    let (jti, bytes) = (jti_hash(connection, token), bytes_hash(connection, raw));
    if !app.store.bind_once(LOGOUT_TOKEN, &jti, &bytes, remembered_until(token)).await.map_err(busy)? {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "another logout token had this jti").into());
    }
    // The name is used up in the transaction of the logout: one that the store did not take may be tried again.
    Ok(!app.store.was_used(LOGOUT_TOKEN, &jti).await.map_err(busy)?)
}

/// Past the time at which it would be too old anyway.
fn remembered_until(token: &LogoutToken) -> Timestamp {
    token.expires_at.plus(CLOCK_SKEW)
}

/// Ends what the token names; how many sessions that were. The token is used up with the logout, in one transaction.
async fn end(app: &App, connection: &Connection, token: &LogoutToken, address: String) -> Result<usize, LogoutError> {
    let name = match &token.subject {
        LogoutSubject::Session { sid, sub: None } => UpstreamName::Sid(sid.clone()),
        LogoutSubject::Session { sid, sub: Some(sub) } => UpstreamName::Both { sid: sid.clone(), subject: sub.clone() },
        LogoutSubject::User { sub } => UpstreamName::Subject(sub.clone()),
    };
    // Before it is looked for: a sign-in that is written now finds either this or is found.
    let until = app.clock.now().plus(TOMBSTONE_LIFE);
    let tombstone = match &token.subject {
        LogoutSubject::Session { sid, .. } => tombstone(&connection.id, sid, until),
        // Who signs in there again is let in: only what the provider vouched for before, by its own clock, is over.
        LogoutSubject::User { sub } => {
            Tombstone { name: grave_of_person(&connection.id, sub), ended_at: Some(token.issued_at), until }
        }
    };
    app.store.lay_tombstones(vec![tombstone]).await?;
    let until = remembered_until(token);
    let sessions = app.store.sessions_from(&connection.id, name).await?;
    let jti = jti_hash(connection, token);
    if sessions.is_empty() {
        app.store.remember_once(LOGOUT_TOKEN, &jti, until).await?;
    } else {
        end_all(app, connection, &sessions, None, Some(address), Some(Once::logout_token(jti, until))).await?;
    }
    Ok(sessions.len())
}

/// Ends sessions because their provider says so: by one logout for each person, since one session there may have been several
/// people's. What is to be done `once` is done with the last of them, so that whatever fails before is tried again. Gives the
/// logout of the browser that is here, if it has one.
pub(crate) async fn end_all(
    app: &App,
    connection: &Connection,
    sessions: &[SessionView],
    browser: Option<SessionId>,
    ip: Option<String>,
    once: Option<Once>,
) -> Result<Done, LogoutError> {
    let mut people: Vec<(&UserId, Vec<SessionId>)> = Vec::new();
    for view in sessions {
        match people.iter_mut().find(|(user, _)| *user == &view.user.id) {
            Some((_, theirs)) => theirs.push(view.session.id.clone()),
            None => people.push((&view.user.id, vec![view.session.id.clone()])),
        }
    }
    let (mut once, mut here) = (once, None);
    let last = people.len();
    for (number, (_, theirs)) in people.into_iter().enumerate() {
        let of_browser = browser.as_ref().is_some_and(|browser| theirs.contains(browser));
        let order = Order {
            scope: match theirs.as_slice() {
                [one] => Scope::Session(one.clone()),
                _ => Scope::Sessions(theirs),
            },
            by: By::Upstream,
            party: Some(connection.id.to_string()),
            reason: None,
            tell: Tell::Everyone,
            ip: ip.clone(),
            browser: browser.clone().filter(|_| of_browser),
            named: Vec::new(),
        };
        let once = if number + 1 == last { once.take() } else { None };
        let done = log_out_once(app, order, once).await?;
        if of_browser || here.is_none() {
            here = Some(done);
        }
    }
    here.ok_or(LogoutError::UnknownTarget)
}
