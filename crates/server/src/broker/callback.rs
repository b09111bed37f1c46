//! `/sso/oidc/{external_key}/callback` and `/sso/oidc/callback`: the browser comes back from an identity provider.

use acquit_core::{
    Timestamp, UserId,
    event::{Facts, Kind},
};
use acquit_oidc::{params::Params, rp::callback::Callback};
use acquit_store::{event::Event, upstream::NewUpstream};
use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, Uri, header},
    response::Response,
};
use serde_json::{Map, Value};

use super::{
    person::{is_outsider, person},
    trip::{Asked, Trip},
};
use crate::{
    App,
    account::begin::{Beginning, begin, shortened},
    broker::authorize,
    browser::Browser,
    door::DoorError,
    flow::Handoff,
    form::{self, Address},
    provenance::{self, Load},
    random,
    settings::{Connection, Organization},
};

mod exchange;

use exchange::sign_in;

/// `GET` on a connection's own callback.
pub async fn get(
    State(app): State<App>,
    Path(key): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, DoorError> {
    let own = app.clients.connections().by_key(&key).ok_or(DoorError::NotFound)?;
    come_back(&app, Some(&own), &headers, address, &uri).await
}

/// `GET` on the callback that connections share.
pub async fn shared(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, DoorError> {
    come_back(&app, None, &headers, address, &uri).await
}

/// The browser is back, at the callback of this connection, or at the shared one.
async fn come_back(
    app: &App,
    own: Option<&Connection>,
    headers: &HeaderMap,
    address: String,
    uri: &Uri,
) -> Result<Response, DoorError> {
    if provenance::load(headers) != Load::TopLevel {
        return Err(DoorError::Forbidden("signing in is not done in a frame, by a script or ahead of time"));
    }
    let params = Params::parse(uri.query().unwrap_or_default().as_bytes())?;
    let params = Handoff::parameters(app, uri.path(), params)?;
    let state = Callback::unverified_state(&params).unwrap_or_default();
    let trip = Trip::open(app, headers, state)?;
    let connection = app.clients.connections().find(&trip.connection).ok_or(DoorError::Expired)?;
    let (Some(oidc), Asked::Oidc { nonce, verifier }) = (connection.oidc(), &trip.asked) else {
        return Err(DoorError::Expired);
    };
    // The answer of one provider at the callback of another is a mix-up, or an attack (RFC 9700 section 4.4). At the shared
    // callback `iss` says whose it is, so none is taken there that may come without.
    let expected = own.map_or(oidc.shared_callback, |own| own.id == connection.id && !oidc.shared_callback);
    if !expected {
        return Err(DoorError::Expired);
    }
    trip.finish(app).await?;
    let signed_in = match sign_in(app, (&connection, oidc), (nonce, verifier), state, &params).await {
        Ok(signed_in) => signed_in,
        Err(failed) => {
            return refused(app, headers, address, (&connection, &trip), &failed).await;
        }
    };
    let recognised = signed_in.recognised(app, &connection, oidc, Timestamp::from_micros(trip.left_at))?;
    enter(app, headers, address, (&connection, &trip), recognised).await
}

/// `POST`, from providers that answer by `form_post`: goes on by a GET, which carries the browser's cookie.
pub async fn post(State(app): State<App>, request: Request) -> Result<Response, DoorError> {
    let path = request.uri().path().to_owned();
    let body = form::read_form(request).await?;
    Ok(Handoff::go_on(&app, &path, &Params::parse(&body)?)?)
}

/// Why a sign-in at a provider came to nothing, in words for the person; the log has the rest.
#[derive(Debug)]
pub struct Failed {
    /// What WorkOS calls it.
    pub code: &'static str,
    /// Why.
    pub why: String,
}

impl Failed {
    fn new(code: &'static str, why: impl ToString) -> Self {
        Self { code, why: why.to_string() }
    }
}

/// Somebody whom a provider vouches for, by whichever protocol.
pub(super) struct Recognised {
    /// The provider, by its issuer or entity ID.
    pub(super) issuer: String,
    /// The provider's name for the person, for good.
    pub(super) idp_id: String,
    /// What it says of them.
    pub(super) claims: Map<String, Value>,
    /// The sign-in there.
    pub(super) upstream: NewUpstream,
}

/// Begins the session of somebody whom a provider vouches for, and takes the browser on; an outsider is refused.
///
/// # Errors
/// [`DoorError`].
pub(super) async fn enter(
    app: &App,
    headers: &HeaderMap,
    address: String,
    (connection, trip): (&Connection, &Trip),
    recognised: Recognised,
) -> Result<Response, DoorError> {
    let Recognised { issuer, idp_id, claims, upstream } = recognised;
    let now = app.clock.now();
    let fresh = UserId::from_random(random::id_at(now)?);
    let organization = connection.organization.as_ref().and_then(|id| app.clients.connections().organization(id));
    let mut person = person(fresh, (connection, organization.as_deref()), (&issuer, &idp_id), &claims);
    if is_outsider(organization.as_deref(), &person) {
        let why = "the person has no address in any of the domains of this organization";
        let failed = Failed::new("profile_not_allowed_outside_organization", why);
        return refused(app, headers, address, (connection, trip), &failed).await;
    }
    if is_somebody_elses(app, organization.as_deref(), person.email.as_deref()).await? {
        tracing::warn!(connection = %connection.id, "a provider gives somebody the address of a user of this server's own");
        (person.email, person.email_verified) = (None, false);
    }
    let user = app.store.recognise(person, now).await?;
    let browser = Browser::look_up(app, headers).await?;
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let onward = trip.flow.onward(app)?;
    let left = trip.left.clone();
    begin(app, &browser, Beginning { user, upstream: Some(upstream), left, address, agent, onward }).await
}

/// Whether an address is that of somebody who signs in here. The operator may give the same address to both, by a domain in the
/// configuration; an API key's word for a domain does not make its people ours.
async fn is_somebody_elses(
    app: &App,
    organization: Option<&Organization>,
    email: Option<&str>,
) -> Result<bool, DoorError> {
    let (Some(organization), Some(email)) = (organization, email) else { return Ok(false) };
    let all = app.clients.connections().listed_organizations();
    let of_file = all.iter().any(|listed| listed.id == organization.id && listed.record.is_none());
    Ok(!of_file && app.store.is_own_address(email).await?)
}

/// Nobody came back from a provider: it is logged, and whoever sent the browser hears it. A trip is used up by it, so the log
/// grows no faster than trips are made.
///
/// # Errors
/// [`DoorError`].
pub(super) async fn refused(
    app: &App,
    headers: &HeaderMap,
    address: String,
    (connection, trip): (&Connection, &Trip),
    failed: &Failed,
) -> Result<Response, DoorError> {
    tracing::warn!(connection = %connection.id, code = failed.code, why = failed.why, "a sign-in upstream failed");
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let event = Event {
        ip: Some(address),
        party: Some(connection.id.to_string()),
        connection: Some(connection.id.clone()),
        organization: connection.organization.clone(),
        detail: Some(failed.why.clone()),
        facts: Facts {
            user_agent: shortened(agent),
            reason: Some(failed.code.to_owned()),
            left_at: Some(trip.left_at),
            ..Facts::NONE
        },
        ..Event::new(Kind::SsoFailed, app.clock.now())
    };
    if let Err(error) = app.store.append_event(event).await {
        // It failed in any case; that must not depend on the log.
        tracing::warn!(%error, "a sign-in that failed is missing in the event log");
    }
    authorize::refused(app, &trip.flow, failed)
}
