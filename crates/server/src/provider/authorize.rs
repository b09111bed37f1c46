//! `/oauth2/v1/authorize`: OpenID Connect Core section 3.1.2. The rules are in [`acquit_oidc::authorize`].

use std::{sync::Arc, time::Duration};

use acquit_core::participant::Protocol;
use acquit_oidc::{
    authorize::{self, AuthorizeRequest, Next, Present, Progress, Refusal, Via, next, pushed},
    client::Client,
    error::{ErrorCode, OAuthError},
    params::{BadParam, Params},
    response::{self, ResponseMode},
};
use acquit_store::{code::NewCode, session::SessionView};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};

use super::upstream::{self, Source};
use crate::{
    App,
    browser::Browser,
    code::{self, Drawn, Wanted},
    door::DoorError,
    flow::{Flow, Handoff, Pending},
    form,
    pages::{Hidden, form_post::FormPost},
    provenance::{self, Load},
    random, respond,
};

/// How long a code is good (RFC 6749 section 4.1.2: ten minutes at most).
const CODE_LIFE: Duration = Duration::from_secs(60);

/// `GET` on the endpoint.
pub async fn get(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, DoorError> {
    if provenance::load(&headers) == Load::Prefetch {
        return Err(DoorError::Forbidden("signing in is not done ahead of time"));
    }
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes())?;
    let pending = if let Some(sealed) = params.get("flow") {
        match Flow::open(&app, sealed)? {
            Flow::Authorize(pending) => *pending,
            Flow::Saml(_) | Flow::Broker(_) | Flow::Route(_) | Flow::Account => return Err(DoorError::Expired),
        }
    } else {
        let params = Handoff::parameters(&app, uri.path(), params)?;
        match begin(&app, &params).await? {
            Ok(pending) => pending,
            Err(response) => return Ok(response),
        }
    };
    go_on(&app, &headers, pending).await
}

/// `POST` on the endpoint (section 3.1.2.1): goes on by a GET, which carries the browser's cookie also when another site
/// posted.
pub async fn post(State(app): State<App>, request: Request) -> Result<Response, DoorError> {
    let uri = request.uri().clone();
    let body = form::read_form(request).await?;
    let params = Params::parse_request(uri.query().unwrap_or_default().as_bytes(), &body)?;
    Ok(Handoff::go_on(&app, uri.path(), &params)?)
}

/// Reads a request that comes for the first time; the inner error is an answer for the client.
async fn begin(app: &App, params: &Params) -> Result<Result<Pending, Response>, DoorError> {
    let client_id = authorize::client_id(params)?;
    let client = app.clients.find(client_id).await?.ok_or(authorize::UNKNOWN_CLIENT)?;
    let request = match pushed::handle(params)? {
        Some(handle) => {
            let kept = app.store.take_par(&random::hash(handle), client_id, app.clock.now()).await?;
            let kept = kept.and_then(|json| serde_json::from_str(&json).ok()).ok_or(pushed::UNKNOWN)?;
            pushed::resume(params, kept)?
        }
        None => match authorize::parse(params, &client, Via::Browser) {
            Ok(request) => request,
            Err(Refusal::Page(bad)) => return Err(bad.into()),
            Err(Refusal::Redirect { path, error }) => {
                return Ok(Err(deliver(app, &client, path.error(app.issuer(), &error))));
            }
        },
    };
    Ok(Ok(Pending {
        request,
        begun_at: app.clock.now().as_micros(),
        account_selected_in: None,
        consent_given_by: None,
        application: client.name.clone(),
        reprompt: false,
    }))
}

/// The client of a request that waits. It may have been deleted, or its redirect URI withdrawn, while the person was signing in.
async fn client_of(app: &App, pending: &Pending) -> Result<Arc<Client>, DoorError> {
    let client = app.clients.find(&pending.request.client_id).await?.ok_or(authorize::UNKNOWN_CLIENT)?;
    if !client.may_redirect_to(&pending.request.return_path.redirect_uri) {
        return Err(BadParam { name: "redirect_uri", why: "is not registered for this client" }.into());
    }
    Ok(client)
}

/// What a request comes to.
struct Course<'a> {
    source: Source,
    /// The session, if its person comes from where the client asked for.
    view: Option<&'a SessionView>,
    next: Next,
}

/// What a request comes to where this session lives, if any; the inner error is one for the client.
async fn course<'a>(
    app: &App,
    client: &Client,
    session: Option<&'a SessionView>,
    pending: &Pending,
) -> Result<Result<Course<'a>, OAuthError>, DoorError> {
    let now = app.clock.now();
    let keys = app.keys.set(now);
    let hint = match pending.request.hint(keys.verifying(), app.issuer()) {
        Ok(hint) => hint,
        Err(error) => return Ok(Err(error)),
    };
    let source = match Source::of(app.clients.connections(), &pending.request) {
        Ok(source) => source,
        Err(error) => return Ok(Err(error)),
    };
    // Somebody who came from elsewhere is not whom the client asked for.
    let view = session.filter(|view| source.is_of(view));
    let consented = match view {
        Some(view) if client.consent => consented(app, view, client, &pending.request).await?,
        _ => false,
    };
    let present = view.map(|view| Present {
        subject: view.user.id.as_str(),
        authenticated_at: view.session.authenticated_at,
        acr: None,
        consented,
    });
    let progress = Progress {
        begun_at: pending.begun_at(),
        account_selected: view.is_some_and(|view| pending.account_selected_in.as_ref() == Some(&view.session.id)),
        consent_given: view.is_some_and(|view| pending.consent_given_by.as_ref() == Some(&view.user.id)),
    };
    let next = next(&pending.request, client, present, hint.as_ref(), progress, &[], now);
    Ok(Ok(Course { source, view, next }))
}

/// Takes a request as far as it gets in this browser now: to a page of ours or back to the client.
async fn go_on(app: &App, headers: &HeaderMap, mut pending: Pending) -> Result<Response, DoorError> {
    let client = client_of(app, &pending).await?;
    let browser = Browser::look_up(app, headers).await?;
    let Course { source, view, next } = match course(app, &client, browser.session.as_ref(), &pending).await? {
        Ok(course) => course,
        Err(error) => return Ok(deliver(app, &client, pending.request.error(app.issuer(), &error))),
    };
    let stranger = browser.session.is_some() && view.is_none();
    match next {
        Next::Login { reprompt } => match source.only() {
            Some(connection) => {
                pending.reprompt = reprompt;
                let request = pending.request.clone();
                let left = upstream::leave(app, headers, connection, pending).await?;
                Ok(left.unwrap_or_else(|error| deliver(app, &client, request.error(app.issuer(), &error))))
            }
            None => {
                // A stranger cannot go on as who they are.
                pending.reprompt = reprompt || stranger;
                to_page(app, "/sign-in", pending)
            }
        },
        Next::SelectAccount => to_page(app, "/sign-in", pending),
        Next::Consent => to_page(app, "/consent", pending),
        Next::Error(code) => Ok(refuse(app, &client, &pending.request, code)),
        Next::Issue => match view {
            Some(view) => issue(app, view, &client, pending).await,
            None => to_page(app, "/sign-in", pending),
        },
    }
}

fn to_page(app: &App, page: &str, pending: Pending) -> Result<Response, DoorError> {
    let sealed = Flow::Authorize(Box::new(pending)).seal(app)?;
    Ok(respond::see_other(&format!("{page}?continue={sealed}")))
}

async fn consented(
    app: &App,
    view: &SessionView,
    client: &Client,
    request: &AuthorizeRequest,
) -> Result<bool, DoorError> {
    let before = app.store.consented(&view.user.id, &client.app).await?.unwrap_or_default();
    Ok(request.scopes.iter().all(|scope| before.iter().any(|known| known == scope.as_str())))
}

fn refuse(app: &App, client: &Client, request: &AuthorizeRequest, code: ErrorCode) -> Response {
    let error = OAuthError::new(code, "the person must take part, or the sign-in does not fit the request");
    deliver(app, client, request.error(app.issuer(), &error))
}

/// What the client gets with its code.
fn wanted(client: &Client, request: &AuthorizeRequest) -> Wanted {
    Wanted {
        app: client.app.clone(),
        client_id: client.client_id.clone(),
        protocol: Protocol::Oidc,
        channels: client.channels(),
        redirect_uri: request.return_path.redirect_uri.clone(),
        scope: request.scopes.to_string(),
        nonce: request.nonce.clone(),
        challenge: request.code_challenge.clone(),
        claims: (!request.claims.is_empty()).then(|| serde_json::to_string(&request.claims).unwrap_or_default()),
        life: CODE_LIFE,
    }
}

async fn issue(app: &App, view: &SessionView, client: &Client, pending: Pending) -> Result<Response, DoorError> {
    let request = &pending.request;
    match code::issue(app, &view.session, wanted(client, request)).await? {
        Some(code) => Ok(deliver(app, client, request.code(app.issuer(), &code))),
        // It ended a moment ago, in another tab: whoever wants in signs in again.
        None if request.prompt.none => Ok(refuse(app, client, request, ErrorCode::LoginRequired)),
        None => to_page(app, "/sign-in", pending),
    }
}

/// What goes back to the client as soon as a session begins: its code, to be written together with the session.
pub(crate) struct Arrival {
    pub(crate) code: NewCode,
    pub(crate) response: Response,
}

/// What goes back to the client for the person of `view`, whose session is about to begin; none when more is to be asked of them,
/// or another page is to be shown, or this node refuses them. Then a browser goes on by the request that waits.
pub(crate) async fn arrive(app: &App, view: &SessionView, pending: &Pending) -> Result<Option<Arrival>, DoorError> {
    let request = &pending.request;
    if request.return_path.mode == ResponseMode::FormPost || app.denials.denies(&view.session) {
        return Ok(None);
    }
    let Ok(client) = client_of(app, pending).await else { return Ok(None) };
    let Ok(Course { view: Some(view), next: Next::Issue, .. }) = course(app, &client, Some(view), pending).await?
    else {
        return Ok(None);
    };
    let Drawn { code, new } = code::draw(&view.session, wanted(&client, request), app.clock.now())?;
    let response = deliver(app, &client, request.code(app.issuer(), &code));
    Ok(Some(Arrival { code: new, response }))
}

/// Sends an answer to the client, the way it asked for.
pub(super) fn deliver(app: &App, client: &Client, response: response::Response) -> Response {
    match response {
        response::Response::Redirect { url } => respond::see_other(&url),
        response::Response::FormPost { action, fields } => {
            let hidden = fields.into_iter().map(|(name, value)| Hidden::new(name, value)).collect();
            let view = FormPost { action, hidden, application: app.clients.name(&client.app) };
            respond::page(StatusCode::OK, &view)
        }
    }
}
