//! `/sso/saml/acs/{connection}`: the browser comes back from a SAML identity provider, with a Response by POST (Profiles section
//! 4.1.4.5). What it brings is verified where it arrives. The provider's page posted it, so the browser sent no cookie of ours;
//! what was believed goes on as a sealed handle by a GET, and counts only in the browser that left, for the request that it left
//! with. A Response that nobody asked for is refused: it would sign its person in wherever somebody has it posted.

use std::time::Duration;

use acquit_core::{Timestamp, UpstreamId, participant::Protocol, upstream::Held};
use acquit_saml::message::{AcceptedAssertion, Answer, Code, Expect, Kind, Message, ResponseRules, Status};
use acquit_store::upstream::NewUpstream;
use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, header},
    response::Response,
};

use super::{acs_path, attributes, end::graves, entity_id, idp::Idp};
use crate::{
    App,
    broker::{
        callback::{Failed, Recognised, enter, refused},
        trip::{Asked, Trip},
    },
    door::DoorError,
    flow::{SamlArrived, SamlHandoff, SamlNobody, SamlPerson},
    form::{self, Address, Query},
    provenance::{self, Load},
    random, respond,
    saml::incoming,
    seal::SealError,
    settings::{Connection, broker::AttributeMap},
};

/// How far clocks may differ, as everywhere in SAML.
const SKEW: Duration = Expect::new(&[], Timestamp::from_micros(0)).skew;

/// What is said of an encrypted assertion that signs nobody in, whatever is wrong with it.
const UNUSABLE: &str = "the encrypted answer of the identity provider is not taken; the log of this server says why";

/// `POST`: a Response.
pub async fn post(
    State(app): State<App>,
    Path(id): Path<String>,
    Address(address): Address,
    request: Request,
) -> Result<Response, DoorError> {
    only_navigations(request.headers())?;
    let idp = super::provider(&app, &id)?;
    let arrived = incoming::from_form(&form::read_form(request).await?)?;
    let message = Message::open(&arrived, &[Kind::Response])
        .map_err(|error| limited(&app, &address, incoming::refused("SAMLResponse", &error)))?;
    incoming::heard(&message);
    let unasked = || DoorError::parameter("InResponseTo", "nobody asked for this sign-in; begin at the application");
    let request = message.in_response_to().ok_or_else(unasked)?.to_owned();
    let mut came = judge(&app, &idp, &message, &request);
    if let Err(SamlNobody { denied, why }) = &mut came {
        tracing::warn!(connection = %idp.connection.id, why, "a sign-in upstream failed");
        if message.holds_ciphertext() {
            // Also the length of what goes on shows nothing: connections share a key, and a provider could have us try what
            // was encrypted by another.
            UNUSABLE.clone_into(why);
        }
        if !*denied {
            app.limits().try_refusal(&address)?;
        }
    }
    let arrived = SamlArrived { connection: idp.connection.id.clone(), request, came };
    let path = acs_path(&idp.connection.id);
    let sealed = match SamlHandoff::Arrived(Box::new(arrived.clone())).seal(&app) {
        Err(SealError::Unsealable) => {
            let why = "the provider says more of the person than can be taken".to_owned();
            let came = Err(SamlNobody { denied: false, why });
            SamlHandoff::Arrived(Box::new(SamlArrived { came, ..arrived })).seal(&app)?
        }
        sealed => sealed?,
    };
    Ok(respond::see_other(&format!("{path}?handoff={sealed}")))
}

/// Responses that are not good may come only so often.
fn limited(app: &App, address: &str, refused: DoorError) -> DoorError {
    app.limits().try_refusal(address).map_or_else(DoorError::from, |()| refused)
}

fn only_navigations(headers: &HeaderMap) -> Result<(), DoorError> {
    if provenance::load(headers) == Load::TopLevel {
        return Ok(());
    }
    Err(DoorError::Forbidden("signing in is not done in a frame, by a script or ahead of time"))
}

/// Whom a Response is about, if the connection's provider vouches for them, to us, here and now, as the answer to this request.
fn judge(app: &App, idp: &Idp, message: &Message<'_>, request: &str) -> Result<SamlPerson, SamlNobody> {
    let now = app.clock.now();
    let (us, id) = (entity_id(app.issuer(), &idp.connection.id), &idp.connection.id);
    let here = format!("{}{}", app.issuer(), acs_path(id));
    let failed = |error: acquit_saml::Error| SamlNobody { denied: false, why: error.to_string() };
    let keys = app.saml_keys.decryption(now);
    let rules = ResponseRules { audience: &us, request: Some(request), keys: &keys };
    let trust = idp.trust(now).map_err(failed)?;
    let here = [here.as_str()];
    match Answer::receive(message, &trust, &Expect::new(&here, now), &rules).map_err(failed)? {
        Answer::Assertion(assertion) => {
            person(&idp.connection.attributes, *assertion, &us).map_err(|why| SamlNobody { denied: false, why })
        }
        Answer::Refused(status) => Err(SamlNobody { denied: is_denial(&status), why: words(&status) }),
    }
}

fn person(wanted: &AttributeMap, assertion: AcceptedAssertion, us: &str) -> Result<SamlPerson, String> {
    let AcceptedAssertion { id, issuer, name_id, not_on_or_after, authn, attributes } = assertion;
    Ok(SamlPerson {
        idp_id: attributes::idp_id(wanted, &name_id, &attributes, (&issuer, us))?,
        issuer,
        claims: attributes::claims(wanted, &attributes),
        form: attributes::form(&name_id),
        subject: name_id.value,
        index: authn.session_index,
        authenticated_at: authn.instant.as_micros(),
        assertion: id,
        until: not_on_or_after.plus(SKEW).plus(SKEW).as_micros(),
    })
}

/// Whether the provider or the person said no, as against something that went wrong.
fn is_denial(status: &Status) -> bool {
    let said_no = matches!(status.second.as_deref(), Some("AuthnFailed" | "RequestDenied" | "NoPassive"));
    status.code != Code::VersionMismatch && said_no
}

fn words(status: &Status) -> String {
    let message = status.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
    format!("the identity provider answered {status}{message}")
}

/// `GET`: what was posted goes on, with the browser's cookies.
pub async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    Query(query): Query,
) -> Result<Response, DoorError> {
    only_navigations(&headers)?;
    let arrived = SamlHandoff::open_arrived(&app, query.require("handoff")?)?;
    let connection = super::connection(&app, &id)?;
    let trip = app.cookies.trip(&headers, &arrived.request).ok_or(DoorError::Expired)?;
    let trip = Trip::open(&app, &headers, &trip)?;
    let Asked::Saml { request, forced_at } = &trip.asked else { return Err(DoorError::Expired) };
    // The answer of one provider at the door of another is a mix-up, or an attack.
    if arrived.connection != connection.id || trip.connection != connection.id || *request != arrived.request {
        return Err(DoorError::Expired);
    }
    trip.finish(&app).await?;
    let forced_at = forced_at.map(Timestamp::from_micros);
    let left_at = Timestamp::from_micros(trip.left_at);
    let mut response = match sign_in(&app, &connection, arrived.came, (left_at, forced_at)).await? {
        Ok(recognised) => enter(&app, &headers, address, (&connection, &trip), recognised).await?,
        Err(failed) => refused(&app, &headers, address, (&connection, &trip), &failed).await?,
    };
    for cookie in app.cookies.end_trip(&headers, &arrived.request) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The person who came, if their assertion is new and as fresh as was asked.
async fn sign_in(
    app: &App,
    connection: &Connection,
    came: Result<SamlPerson, SamlNobody>,
    (left_at, forced_at): (Timestamp, Option<Timestamp>),
) -> Result<Result<Recognised, Failed>, DoorError> {
    let failed = |why: &str| Failed { code: "oauth_failed", why: why.to_owned() };
    let person = match came {
        Ok(person) => person,
        Err(SamlNobody { denied, why }) => {
            return Ok(Err(Failed { code: if denied { "access_denied" } else { "oauth_failed" }, why }));
        }
    };
    let authenticated_at = Timestamp::from_micros(person.authenticated_at);
    if forced_at.is_some_and(|asked_at| authenticated_at.plus(SKEW) < asked_at) {
        return Ok(Err(failed("the provider did not ask the person to sign in again, as it was to")));
    }
    // In a memory that all nodes share; requests for a logout are told by the same, and name nothing of the same name.
    let key = incoming::replay_key(&format!("assertion {}", connection.id), &person.assertion);
    if !app.store.remember_saml_message(&key, Timestamp::from_micros(person.until)).await? {
        return Ok(Err(failed("this assertion was used before")));
    }
    let idp = app.clients.connections().identity_provider(&connection.id);
    let (Some(idp), Some(saml)) = (idp, connection.saml()) else { return Err(DoorError::Expired) };
    let upstream = NewUpstream {
        id: UpstreamId::from_random(random::id_at(app.clock.now())?),
        connection: connection.id.clone(),
        organization: connection.organization.clone(),
        left_at: Some(left_at),
        revalidate_at: None,
        protocol: Protocol::Saml,
        graves: graves(&connection.id, &person.subject, person.index.as_deref(), authenticated_at),
        subject: person.subject,
        sid: person.index,
        held: Held::default(),
        channels: idp.channels(saml, person.form),
        sealed: Vec::new(),
    };
    Ok(Ok(Recognised { issuer: person.issuer, idp_id: person.idp_id, claims: person.claims, upstream }))
}
