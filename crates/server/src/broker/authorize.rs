//! `/sso/authorize`: a broker application asks for a person of a connection.

use std::{sync::Arc, time::Duration};

use acquit_core::{ConnectionId, OrganizationId, participant::Protocol};
use acquit_oidc::{params::BadParam, pkce, response::add_query};
use acquit_store::session::SessionView;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};

use super::{
    asked::{Asked, Selector, Unreadable},
    callback::Failed,
    trip::{self, NoTrip, Wishes},
};
use crate::{
    App,
    browser::Browser,
    code::{self, Wanted},
    door::DoorError,
    flow::{BrokerPending, Flow},
    provenance::{self, Load},
    respond,
    settings::{BrokerApplication, Connection},
};

/// How long a code is good.
const CODE_LIFE: Duration = Duration::from_secs(10 * 60);
/// The scope of what is minted for a broker application: none of OpenID Connect.
pub(super) const SCOPE: &str = "sso";

impl From<Unreadable> for DoorError {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::Params(error) => error.into(),
            Unreadable::Bad(bad) => bad.into(),
        }
    }
}

/// `GET /sso/authorize`.
pub async fn get(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, DoorError> {
    if provenance::load(&headers) == Load::Prefetch {
        return Err(DoorError::Forbidden("signing in is not done ahead of time"));
    }
    let asked = Asked::read(uri.query().unwrap_or_default())?;
    if let Some(sealed) = asked.params.get("flow") {
        return match Flow::open(&app, sealed)? {
            Flow::Broker(pending) => finish(&app, &headers, *pending).await,
            _ => Err(DoorError::Expired),
        };
    }
    // Until both are known to belong together, nothing is redirected anywhere.
    let client_id = asked.params.require("client_id")?;
    let unknown = BadParam { name: "client_id", why: "is none of an application that uses the broker" };
    let application = app.clients.connections().by_client_id(client_id).ok_or(unknown)?;
    let redirect_uri = asked.params.require("redirect_uri")?;
    if !application.redirect_uris.iter().any(|registered| registered == redirect_uri) {
        return Err(BadParam { name: "redirect_uri", why: "is not registered for this application" }.into());
    }
    let back = Back { redirect_uri: redirect_uri.to_owned(), state: asked.params.owned("state") };
    match begin(&app, &headers, &application, &asked, &back).await? {
        Ok(response) => Ok(response),
        Err(failed) => Ok(back.error(&failed)),
    }
}

/// Where an application's answer goes.
struct Back {
    redirect_uri: String,
    state: Option<String>,
}

impl Back {
    fn answer(&self, mut query: Vec<(&str, String)>) -> Response {
        query.extend(self.state.clone().map(|state| ("state", state)));
        respond::see_other(&add_query(&self.redirect_uri, &query))
    }

    fn error(&self, failed: &Failed) -> Response {
        self.answer(vec![("error", failed.code.to_owned()), ("error_description", failed.why.clone())])
    }
}

async fn begin(
    app: &App,
    headers: &HeaderMap,
    application: &BrokerApplication,
    asked: &Asked,
    back: &Back,
) -> Result<Result<Response, Failed>, DoorError> {
    let failed = |code, why: &str| Ok(Err(Failed { code, why: why.to_owned() }));
    if asked.params.get("response_type") != Some("code") {
        return failed("unsupported_response_type", "response_type must be code");
    }
    let challenge = pkce::challenge(asked.params.get("code_challenge"), asked.params.get("code_challenge_method"));
    let challenge = match challenge {
        Ok(challenge) => challenge,
        Err(bad) => return failed("invalid_request", &bad.to_string()),
    };
    if !matches!(asked.wishes.prompt.as_deref(), None | Some("login")) {
        return failed("invalid_request", "prompt must be login where it is given");
    }
    let connection =
        match asked.selector().map_err(|bad| Failed { code: "invalid_connection_selector", why: bad.to_string() }) {
            Ok(selector) => match choose(app, application, &selector) {
                Ok(connection) => connection,
                Err(refused) => return Ok(Err(refused)),
            },
            Err(refused) => return Ok(Err(refused)),
        };
    if let Err(refusal) = app.limits().try_connection(connection.id.as_str()) {
        let mut page = DoorError::from(refusal).into_response();
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(refusal.seconds(app.clock.now())));
        return Ok(Ok(page));
    }
    let pending = BrokerPending {
        app: application.app.clone(),
        connection: connection.id.clone(),
        redirect_uri: back.redirect_uri.clone(),
        state: back.state.clone(),
        code_challenge: challenge,
        begun_at: app.clock.now().as_micros(),
    };
    match trip::leave(app, headers, &connection, Flow::Broker(Box::new(pending)), &asked.wishes).await {
        Ok(response) => Ok(Ok(response)),
        Err(NoTrip::Door(error)) => Err(error),
        Err(error) => {
            tracing::warn!(connection = %connection.id, %error, "a sign-in upstream cannot begin");
            let code = if matches!(error, NoTrip::Request(_)) { "invalid_request" } else { "oauth_failed" };
            failed(code, &error.to_string())
        }
    }
}

/// The connection that is meant, among those whose people the application gets. Others do not exist for it.
fn choose(app: &App, application: &BrokerApplication, selector: &Selector) -> Result<Arc<Connection>, Failed> {
    let connections = app.clients.connections();
    let failed = |code, why: &str| Failed { code, why: why.to_owned() };
    let of = |organization: &OrganizationId| {
        let all = connections.all().into_iter();
        let of_it: Vec<_> = all.filter(|connection| connection.organization.as_ref() == Some(organization)).collect();
        if of_it.len() == 1 { of_it.into_iter().next().ok_or(()) } else { Err(()) }
    };
    match selector {
        Selector::Connection(id) => {
            let found = ConnectionId::parse(id).ok().and_then(|id| connections.find(&id));
            let found = found.filter(|connection| application.gets(connection.organization.as_ref()));
            found.ok_or_else(|| failed("connection_invalid", "there is no such connection"))
        }
        Selector::Organization(id) => {
            let organization = OrganizationId::parse(id).ok().and_then(|id| connections.organization(&id));
            let organization = organization.filter(|organization| application.gets(Some(&organization.id)));
            let organization =
                organization.ok_or_else(|| failed("organization_invalid", "there is no such organization"))?;
            of(&organization.id).map_err(|()| ambiguous(app, &organization.id))
        }
        Selector::Domain(domain) => {
            let organization = connections.by_domain(domain);
            let organization = organization.filter(|organization| application.gets(Some(&organization.id)));
            let organization =
                organization.ok_or_else(|| failed("organization_invalid", "no organization has this domain"))?;
            of(&organization.id).map_err(|()| ambiguous(app, &organization.id))
        }
        Selector::Provider(name) => {
            // A provider that belongs to no customer: the operator's own.
            let mut of_type = connections.all().into_iter().filter(|connection| {
                connection.connection_type == *name
                    && connection.organization.is_none()
                    && application.gets(connection.organization.as_ref())
            });
            match (of_type.next(), of_type.next()) {
                (Some(connection), None) => Ok(connection),
                (None, _) => Err(failed("invalid_connection_selector", "there is no connection of this provider")),
                _ => Err(failed("ambiguous_connection_selector", "there are several connections of this provider")),
            }
        }
    }
}

fn ambiguous(app: &App, organization: &OrganizationId) -> Failed {
    let connections = app.clients.connections().all();
    let any = connections.iter().any(|connection| connection.organization.as_ref() == Some(organization));
    let (code, why) = if any {
        ("ambiguous_connection_selector", "this organization has several connections; name one")
    } else {
        ("connection_invalid", "this organization has no connection")
    };
    Failed { code, why: why.to_owned() }
}

/// A sign-in at a provider came to nothing: the application hears it, or the person where none asked.
///
/// # Errors
/// [`DoorError`].
pub(super) fn refused(app: &App, flow: &Flow, failed: &Failed) -> Result<Response, DoorError> {
    match flow {
        Flow::Broker(pending) => {
            let application = app.clients.connections().application(&pending.app).ok_or(DoorError::Expired)?;
            Ok(back_of(&application, pending)?.error(failed))
        }
        _ => Err(DoorError::BadRequest { parameter: None, reason: failed.why.clone() }),
    }
}

/// Where the answer goes, if the application still has that redirect URI.
fn back_of(application: &BrokerApplication, pending: &BrokerPending) -> Result<Back, DoorError> {
    if !application.redirect_uris.contains(&pending.redirect_uri) {
        return Err(BadParam { name: "redirect_uri", why: "is not registered for this application" }.into());
    }
    Ok(Back { redirect_uri: pending.redirect_uri.clone(), state: pending.state.clone() })
}

/// The browser has been at the provider: the application gets its code, if the session is of that connection and the person
/// was there since the application asked.
async fn finish(app: &App, headers: &HeaderMap, pending: BrokerPending) -> Result<Response, DoorError> {
    let application = app.clients.connections().application(&pending.app).ok_or(DoorError::Expired)?;
    let connection = app.clients.connections().find(&pending.connection).ok_or(DoorError::Expired)?;
    let back = back_of(&application, &pending)?;
    if !application.gets(connection.organization.as_ref()) {
        return Ok(back.error(&Failed { code: "connection_invalid", why: "there is no such connection".to_owned() }));
    }
    let browser = Browser::look_up(app, headers).await?;
    let came = |view: &&SessionView| {
        let through = view.user.origin.as_ref().is_some_and(|origin| origin.connection == connection.id);
        through && view.session.authenticated_at >= pending.begun_at()
    };
    match browser.session.as_ref().filter(came) {
        Some(view) => issue(app, view, &application, pending, &back).await,
        None => {
            let flow = Flow::Broker(Box::new(pending));
            trip::leave(app, headers, &connection, flow, &Wishes::default()).await.map_err(|error| match error {
                NoTrip::Door(error) => error,
                error => DoorError::BadRequest { parameter: None, reason: error.to_string() },
            })
        }
    }
}

async fn issue(
    app: &App,
    view: &SessionView,
    application: &BrokerApplication,
    pending: BrokerPending,
    back: &Back,
) -> Result<Response, DoorError> {
    let wanted = Wanted {
        app: application.app.clone(),
        client_id: application.client_id.clone(),
        protocol: Protocol::Broker,
        channels: application.channels(),
        redirect_uri: pending.redirect_uri,
        scope: SCOPE.to_owned(),
        nonce: None,
        challenge: pending.code_challenge,
        claims: None,
        life: CODE_LIFE,
    };
    Ok(match code::issue(app, &view.session, wanted).await? {
        Some(code) => back.answer(vec![("code", code)]),
        None => {
            let why = "the session was signed out a moment ago".to_owned();
            back.error(&Failed { code: "access_denied", why })
        }
    })
}
