//! Leaving for a SAML identity provider, with our AuthnRequest (Profiles section 4.1.4.1).
//!
//! The trip is too long for a RelayState (80 bytes), and the answer is a POST without our cookies. So no RelayState is sent: the
//! answer names the request, and the sealed trip waits under that name in a cookie of the browser that left. A request of nobody
//! writes nothing in the store, and what a browser keeps is bounded.

use acquit_saml::{
    binding::{post, redirect},
    message::{AuthnRequest, Header, MessageId, NameId, NameIdPolicy},
    names::{FORMAT_EMAIL, HTTP_REDIRECT},
};
use axum::{
    http::{HeaderMap, StatusCode, header},
    response::Response,
};

use super::{acs_path, entity_id};
use crate::{
    App,
    broker::trip::{Asked, NoTrip, Trip, Wishes},
    cookies::TRIP_BYTES,
    door::DoorError,
    flow::Flow,
    pages::form_post::FormPost,
    random, respond,
    saml::answer::{self, hidden, ours},
    seal::SealError,
    settings::{Connection, broker::SamlProvider, saml::NameIdKind},
};

/// Why a provider cannot be asked. Nothing is known of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// Its metadata was never fetched; trying again later is right.
    #[error("the metadata of the identity provider is not known yet")]
    Unknown,
    /// Its metadata has ended; the operator must get it anew.
    #[error("the metadata of the identity provider has expired")]
    Expired,
    /// It takes no AuthnRequests; its people must act.
    #[error("the identity provider has no SingleSignOnService for HTTP-Redirect or HTTP-POST")]
    NoSignOn,
}

/// Sends the browser to the provider of a connection.
///
/// # Errors
/// [`NoTrip`].
pub async fn leave(
    app: &App,
    headers: &HeaderMap,
    (connection, saml): (&Connection, &SamlProvider),
    flow: Flow,
    wishes: &Wishes,
) -> Result<Response, NoTrip> {
    let now = app.clock.now();
    let idp = app.clients.connections().identity_provider(&connection.id).ok_or(NotAsked::Unknown)?;
    if idp.has_expired(now) {
        return Err(NotAsked::Expired.into());
    }
    let endpoint = idp.metadata.sign_on().ok_or(NotAsked::NoSignOn)?;
    let id = MessageId::from_random(random::bytes().map_err(DoorError::from)?);
    let force = wishes.prompt.as_deref() == Some("login");
    let request = AuthnRequest {
        force_authn: force,
        name_id_policy: Some(NameIdPolicy {
            format: saml.name_id.map(|kind| kind.format().to_owned()),
            sp_name_qualifier: None,
            allow_create: true,
        }),
        subject: subject(app, connection, saml, wishes.login_hint.as_deref()),
        ..AuthnRequest::new(
            Header::new(&id, now, &entity_id(app.issuer(), &connection.id), &endpoint.location),
            &format!("{}{}", app.issuer(), acs_path(&connection.id)),
        )
    };
    answer::sent(&request);
    let signer = answer::signer(app)?;
    let mut response = if endpoint.binding == HTTP_REDIRECT {
        respond::see_other(&redirect::encode(&request, &endpoint.location, None, Some(&signer)).map_err(ours)?)
    } else {
        let form = post::encode(&request, &endpoint.location, None, &signer).map_err(ours)?;
        let page =
            FormPost { hidden: hidden(&form), action: form.action.clone(), application: connection.name.clone() };
        respond::page(StatusCode::OK, &page)
    };
    let asked = Asked::Saml { request: id.to_string(), forced_at: force.then(|| now.as_micros()) };
    let (trip, fresh) = Trip::begin(app, headers, &connection.id, asked, flow).await?;
    let sealed = trip.seal(app).map_err(DoorError::from)?;
    if sealed.len() > TRIP_BYTES {
        return Err(DoorError::from(SealError::Unsealable).into());
    }
    for cookie in app.cookies.keep_trip(headers, id.as_str(), now, &sealed).into_iter().chain(fresh) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Whom the request names. A provider must refuse a name that it does not know, or that is of another kind than it gives (Core
/// section 3.4.1.4), so a hint becomes one only where people are named by their address, and it is one of this customer's own.
fn subject(app: &App, connection: &Connection, saml: &SamlProvider, hint: Option<&str>) -> Option<NameId> {
    let hint = hint.filter(|_| saml.name_id == Some(NameIdKind::Email)).filter(|hint| hint.len() <= 254)?;
    let (_, domain) = hint.rsplit_once('@')?;
    let organization = app.clients.connections().organization(connection.organization.as_ref()?)?;
    organization.domains.contains(&domain.to_ascii_lowercase()).then(|| NameId::new(hint, FORMAT_EMAIL))
}
