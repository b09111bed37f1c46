//! `/sso/logout/authorize` and `/sso/logout`: an application has a person signed out, here and at their identity provider.

use std::{sync::Arc, time::Duration};

use acquit_core::{
    AppId, SessionId, Timestamp, UserId,
    plan::{By, Scope, Tell},
};
use acquit_store::{
    replay::{LOGOUT_RIGHT, Once},
    session::SessionView,
};
use axum::{
    Json,
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    call::{self, Fields},
    end_session,
    error::Failure,
    ids,
};
use crate::{
    App,
    account::{sign_out, signed_out},
    browser::Browser,
    door::DoorError,
    form::{Address, Query},
    logout::{LogoutError, Order, log_out_once},
    provenance::only_top_level,
    random, respond,
    seal::Purpose,
    settings::BrokerApplication,
};

/// How long a logout token is good.
const TOKEN_LIFE: Duration = Duration::from_secs(5 * 60);

/// The right of an application to have a person signed out of it.
#[derive(Serialize, Deserialize)]
struct LogoutToken {
    app: AppId,
    user: UserId,
    /// When it was given, in microseconds: it ends no session that began later.
    given_at: i64,
    nonce: String,
    /// Whether all of that person's sessions at the application end, and not only the browser's own.
    #[serde(default)]
    all: bool,
}

/// `POST /sso/logout/authorize`, with the API key. With `scope=profile`, which is our own, the right is to all sessions of the
/// profile in which the application takes part.
pub async fn authorize(
    State(app): State<App>,
    Address(address): Address,
    request: Request,
) -> Result<Json<Value>, Failure> {
    let unauthorized = || call::failed(&app, &address, Failure::oauth("unauthorized_client", "Unauthorized"));
    let application = call::application(&app, request.headers()).ok_or_else(unauthorized)?;
    // No limit on the rate: a sign-out is never refused for it.
    let fields = Fields::read(request).await?;
    let missing = || Failure::Invalid { message: "profile_id is missing".to_owned() };
    let profile = fields.get("profile_id").ok_or_else(missing)?;
    let unknown = || Failure::NotFound { id: profile.to_owned() };
    let user = ids::user(profile).ok_or_else(unknown)?;
    // One that it never received does not exist for it.
    if !app.store.has_received(&application.app, &user).await? {
        return Err(unknown());
    }
    let all = match fields.get("scope") {
        None | Some("session") => false,
        Some("profile") => true,
        Some(_) => return Err(Failure::Invalid { message: "scope is session or profile".to_owned() }),
    };
    let now = app.clock.now();
    let (given_at, nonce) = (now.as_micros(), random::secret_at(now)?);
    let token = LogoutToken { app: application.app.clone(), user, given_at, nonce, all };
    let token = app.sealer.seal(Purpose::LogoutToken, &token, now.plus(TOKEN_LIFE))?;
    Ok(Json(json!({ "logout_url": format!("{}/sso/logout?token={token}", app.issuer()), "logout_token": token })))
}

/// `GET /sso/logout`: the browser. The token is the right to it; the cookie says which session is meant.
pub async fn get(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Query(query): Query,
) -> Result<Response, DoorError> {
    only_top_level(&headers)?;
    let token: LogoutToken = app.sealer.open(Purpose::LogoutToken, query.require("token")?, app.clock.now())?;
    let application = app.clients.connections().application(&token.app).ok_or(DoorError::Expired)?;
    let landing = landing(&application, query.get("return_to"));
    let browser = Browser::look_up(&app, &headers).await?;
    let here = [&browser.session, &browser.leaving, &browser.former].into_iter().flatten().next();
    let used = random::hash(&token.nonce);
    if app.store.was_used(LOGOUT_RIGHT, &used).await? {
        return over(&app, here, &token, landing).await;
    }
    let ending = which(&app, &browser, &token).await?;
    let Some(first) = ending.first() else { return over(&app, here, &token, landing).await };
    let in_browser = browser.session.as_ref().or(browser.leaving.as_ref());
    let is_here = browser.session.as_ref().is_some_and(|view| view.session.id == first.session.id);
    // Somebody else's browser loads no frames and visits no provider for it.
    let is_strange = in_browser.is_some_and(|view| view.user.id != token.user);
    let order = Order {
        scope: match ending.as_slice() {
            [one] => Scope::Session(one.session.id.clone()),
            all => Scope::Sessions(all.iter().map(|view| view.session.id.clone()).collect()),
        },
        by: By::Application,
        party: Some(application.app.to_string()),
        reason: None,
        tell: Tell::Everyone,
        ip: Some(address),
        browser: (!is_strange).then(|| first.session.id.clone()),
        named: Vec::new(),
    };
    let session = first.session.id.clone();
    // Used up in the logout's own transaction: what a failing store did not take may be asked for again.
    let once = Once::logout_right(used, app.clock.now().plus(TOKEN_LIFE));
    let done = match log_out_once(&app, order, Some(once)).await {
        Err(LogoutError::Replayed) => return over(&app, here, &token, landing).await,
        done => done?,
    };
    tracing::info!(logout = %done.logout, app = %application.app, here = is_here, "signed out for a broker application");
    let own_page = signed_out::url(&done.logout, &done.receipt_key);
    let name = landing.is_some().then(|| application.name.clone());
    let url = landing.unwrap_or(own_page);
    if is_here {
        return sign_out::leave(&app, &session, &done, Some(url), name).await;
    }
    if is_strange {
        return Ok(respond::see_other(&url));
    }
    // Not the browser of that session as far as its cookies say, but the one that its provider knows.
    match end_session::straight(&app, &session, &done, url.clone()).await? {
        Some(response) => Ok(response),
        None => Ok(respond::see_other(&url)),
    }
}

/// The sessions that the token ends, the browser's own first: that one alone, if it is of that person and application; all of
/// that person's there without a cookie, or where the token is for all. Somebody else's session is left alone.
async fn which(app: &App, browser: &Browser, token: &LogoutToken) -> Result<Vec<SessionView>, DoorError> {
    let given_at = Timestamp::from_micros(token.given_at);
    let at_app = app.store.sessions_at(&token.user, &token.app).await?;
    let mut of_token: Vec<_> = at_app.into_iter().filter(|view| view.session.began_at <= given_at).collect();
    let here = browser.session.as_ref().or(browser.leaving.as_ref()).map(|view| &view.session.id);
    if let Some(here) = here.filter(|_| !token.all) {
        of_token.retain(|view| view.session.id == *here);
    }
    // Without a cookie the newest is the one whose provider's session is most likely this browser's.
    of_token.sort_by_key(|view| (here != Some(&view.session.id), std::cmp::Reverse(view.session.authenticated_at)));
    Ok(of_token)
}

/// Where the browser ends: where the application asks, if that is registered, else at its first registered page.
fn landing(application: &Arc<BrokerApplication>, return_to: Option<&str>) -> Option<String> {
    let registered = &application.post_logout_redirect_uris;
    let asked = return_to.filter(|asked| registered.iter().any(|uri| uri == asked));
    asked.or_else(|| registered.first().map(String::as_str)).map(str::to_owned)
}

/// For who is out already, or was never in: the same landing.
async fn over(
    app: &App,
    here: Option<&SessionView>,
    token: &LogoutToken,
    landing: Option<String>,
) -> Result<Response, DoorError> {
    let ended: Option<(SessionId, _)> = here
        .filter(|view| view.user.id == token.user)
        .and_then(|view| Some((view.session.id.clone(), view.session.ended.clone()?)));
    let own_page = || match &ended {
        Some((_, ended)) => signed_out::url(&ended.logout, &app.receipt_key(&ended.logout)),
        None => "/signed-out".to_owned(),
    };
    Ok(respond::see_other(&landing.unwrap_or_else(own_page)))
}
