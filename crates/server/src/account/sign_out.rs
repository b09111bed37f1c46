//! `/sign-out`: asking before a logout, and doing it. `end_session` and the account page end here too.

use std::time::Duration;

use acquit_core::{
    AppId, SessionId,
    plan::{By, Scope},
};
use acquit_oidc::{
    client::{Client, SingleLogout},
    end_session::Target,
};
use acquit_store::session::SessionView;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::{Deserialize, Serialize};

use crate::{
    App,
    account::signed_out,
    browser::Browser,
    cookies::Name,
    door::DoorError,
    form::{Address, Form},
    gateway::redirect,
    logout::{Done, Order, log_out},
    pages::{FormTargets, Hidden, sign_out_confirm::SignOutConfirm},
    provenance::{self, Load},
    random, respond,
    seal::Purpose,
    way_out::{self, End},
};

/// How long the question may stand.
const QUESTION_LIFE: Duration = Duration::from_secs(10 * 60);
const FORM: &str = "sign-out";

/// A logout that waits for the person's answer: single-use, and bound to the session that it was asked in.
#[derive(Serialize, Deserialize)]
struct Question {
    nonce: String,
    session: SessionId,
    asker: Option<AppId>,
    target: Option<Target>,
    reach: SingleLogout,
    route: Option<RouteAsker>,
}

/// A sign-out that was asked for at `/.acquit/sign_out`, on the host of a route or on our own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RouteAsker {
    /// Which; none for Acquit's own.
    pub host: Option<AppId>,
    /// Where to go afterwards, as it was checked there; none for our own page.
    pub landing: Option<String>,
}

/// Who asks for a logout in this browser, and where to go afterwards.
#[derive(Clone, Debug, Default)]
pub struct Asker<'a> {
    /// The application; none when the person came by themselves.
    pub client: Option<&'a Client>,
    /// The registered URI to go to, with `state`; none for our own page.
    pub target: Option<Target>,
    /// How far its logout reaches.
    pub reach: SingleLogout,
    /// The host of the gateway, if it was asked for there.
    pub route: Option<RouteAsker>,
}

impl Asker<'_> {
    fn app(&self) -> Option<&AppId> {
        self.client.map(|client| &client.app).or(self.route.as_ref().and_then(|route| route.host.as_ref()))
    }
}

/// `GET /sign-out`: asks. Changes nothing.
pub async fn show(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
) -> Result<Response, DoorError> {
    if provenance::load(&headers) != Load::TopLevel {
        return Err(DoorError::Forbidden("this page is not shown in a frame or fetched ahead"));
    }
    let mut browser = Browser::look_up(&app, &headers).await?;
    if browser.session.is_none() {
        app.limits().try_bare_logout(&address)?;
        return signed_out::nobody(&app, &browser).await;
    }
    ask(&app, &mut browser, Asker::default()).await
}

/// The page that asks the person of `browser`'s session.
///
/// # Errors
/// [`DoorError`].
pub async fn ask(app: &App, browser: &mut Browser, asker: Asker<'_>) -> Result<Response, DoorError> {
    let Some(view) = browser.session.as_ref().map(|view| (view.session.id.clone(), view.user.label().to_owned()))
    else {
        return Err(DoorError::Expired);
    };
    let (session, user) = view;
    let question = Question {
        nonce: random::secret()?,
        session: session.clone(),
        asker: asker.client.map(|client| client.app.clone()),
        target: asker.target.clone(),
        reach: asker.reach,
        route: asker.route.clone(),
    };
    let sealed = app.sealer.seal(Purpose::Confirmation, &question, app.clock.now().plus(QUESTION_LIFE))?;
    let (told, not_told) = participants_by_name(app, &session, &asker).await?;
    let csrf = browser.form_token(app, FORM)?;
    let view = SignOutConfirm {
        action: "/sign-out".to_owned(),
        hidden: vec![Hidden::new("csrf", csrf), Hidden::new("question", sealed)],
        user,
        application: asker.app().map(|asking| app.clients.name(asking)),
        told,
        not_told,
        // Browsers hold every redirect after the form against the policy, and the application may redirect anywhere.
        targets: if asker.target.is_some() || asker.route.is_some() {
            FormTargets::Any
        } else {
            targets(app, &session).await?
        },
    };
    let mut response = respond::page(StatusCode::OK, &view);
    if let Some(cookie) = browser.fresh_cookie(app) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Where a form that ends a session may lead. Browsers hold every redirect after it against the policy: where an identity
/// provider is visited on the way out, it may send the browser anywhere before that comes back.
///
/// # Errors
/// [`DoorError`].
pub async fn targets(app: &App, session: &SessionId) -> Result<FormTargets, DoorError> {
    let upstreams = app.store.upstreams(session).await?;
    let visited =
        upstreams.iter().any(|upstream| upstream.channels.propagate && upstream.channels.end_session.is_some());
    Ok(if visited { FormTargets::Any } else { FormTargets::Own })
}

/// The names of the applications of a session that will be told, and of those that will not be.
async fn participants_by_name(
    app: &App,
    session: &SessionId,
    asker: &Asker<'_>,
) -> Result<(Vec<String>, Vec<String>), DoorError> {
    let nobody_else = asker.reach == SingleLogout::None;
    let participants = app.store.session(session).await?.map(|view| view.participants).unwrap_or_default();
    let (mut told, mut not_told) = (Vec::new(), Vec::new());
    for joined in participants.iter().filter(|joined| asker.app() != Some(&joined.app)) {
        let reachable = app.clients.channels(&joined.app, app.clock.now()).is_some_and(|channels| {
            let saml = channels.saml.is_some_and(|saml| !saml.expired);
            saml || channels.back.is_some() || channels.front.is_some()
        });
        let reachable = (reachable && !nobody_else) || app.clients.is_host(&joined.app);
        let names = if reachable { &mut told } else { &mut not_told };
        names.push(app.clients.name(&joined.app));
    }
    Ok((told, not_told))
}

/// `POST /sign-out`: the answer.
pub async fn answer(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Form(form): Form,
) -> Result<Response, DoorError> {
    let browser = Browser::look_up(&app, &headers).await?;
    if browser.former.is_some() || browser.leaving.is_some() {
        // The answer given twice: it is out already, or will be, and only its own browser is told so.
        return signed_out::nobody(&app, &browser).await;
    }
    browser.check_form(&app, &headers, FORM, form.get("csrf").unwrap_or_default())?;
    let now = app.clock.now();
    let question: Question = app.sealer.open(Purpose::Confirmation, form.get("question").unwrap_or_default(), now)?;
    let view = browser.session.as_ref().filter(|view| view.session.id == question.session).ok_or(DoorError::Expired)?;
    let until = now.plus(QUESTION_LIFE);
    if !app.store.remember_once("question", &random::hash(&question.nonce), until).await? {
        return Err(DoorError::Expired);
    }
    match form.get("decision") {
        Some("stay") => Ok(respond::see_other("/account")),
        Some("sign-out") => {
            let client = match &question.asker {
                // An application that was deleted meanwhile has no say any more, and no page to go to.
                Some(id) => Some(app.clients.by_app(id).await?.ok_or(DoorError::Expired)?),
                None => None,
            };
            let target = question.target.and_then(|target| target.still_of(client.as_deref()?));
            let asker = Asker { client: client.as_deref(), target, reach: question.reach, route: question.route };
            perform(&app, view, asker, address).await
        }
        _ => Err(DoorError::parameter("decision", "choose to sign out or to stay")),
    }
}

/// Signs the browser of `view` out, and takes it on: through its frames, then to the application or to our own page.
///
/// # Errors
/// [`DoorError`]; then nothing is said to be done.
pub async fn perform(app: &App, view: &SessionView, asker: Asker<'_>, ip: String) -> Result<Response, DoorError> {
    let order = Order {
        scope: match asker.reach {
            SingleLogout::User => Scope::User(view.user.id.clone()),
            SingleLogout::None | SingleLogout::Session => Scope::Session(view.session.id.clone()),
        },
        by: if asker.app().is_some() { By::Application } else { By::User },
        party: asker.app().map(ToString::to_string),
        reason: None,
        tell: asker.reach.tell(),
        ip: Some(ip),
        browser: Some(view.session.id.clone()),
        named: Vec::new(),
    };
    let done = log_out(app, order).await?;
    let onward_name = asker.target.as_ref().and(asker.client).map(|client| app.clients.name(&client.app));
    let landing = asker.route.and_then(|route| route.landing).filter(|url| redirect::is_allowed(app, url));
    leave(app, &view.session.id, &done, asker.target.map(|target| target.url()).or(landing), onward_name).await
}

/// Takes a browser whose session has ended on, and leaves nothing in it.
///
/// # Errors
/// [`DoorError`].
pub async fn leave(
    app: &App,
    session: &SessionId,
    done: &Done,
    onward: Option<String>,
    onward_name: Option<String>,
) -> Result<Response, DoorError> {
    let url = onward.unwrap_or_else(|| signed_out::url(&done.logout, &done.receipt_key));
    let end = End::Url { url, name: onward_name };
    way_out::leave(app, session, done, vec![done.logout.clone()], end).await
}

/// Takes the cookie and tells the browser to forget what it kept of this origin. Not its other cookies: those of the
/// whole registrable domain would go.
#[must_use]
pub fn forget(app: &App, mut response: Response) -> Response {
    response.headers_mut().append(header::SET_COOKIE, app.cookies.clear(Name::Session));
    signed_out_here(response)
}

/// The same for a browser that has applications to visit: it keeps the cookie of its ended session, which is good for nothing
/// else, until it was there.
#[must_use]
pub fn signed_out_here(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("set-login"), HeaderValue::from_static("logged-out"));
    headers.insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\", \"storage\""));
    response
}
