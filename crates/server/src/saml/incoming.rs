//! What arrives by a browser or a server: decoded, its sender found, its mistakes put into words.

use acquit_saml::{
    Error,
    binding::{Arrived, post, redirect},
    message::{Kind, Message},
};

use super::party::Party;
use crate::{App, door::DoorError, random};

/// What is said to a party whose metadata has expired.
pub(super) const EXPIRED: &str = "the metadata of this party has expired; its operator must give it anew";

/// Takes a message from the query of a URL.
///
/// # Errors
/// [`DoorError::BadRequest`].
pub(super) fn from_query(query: &str) -> Result<Arrived, DoorError> {
    redirect::decode(query).map_err(|error| refused("SAMLRequest", &error))
}

/// Takes a message from the fields of a form.
///
/// # Errors
/// [`DoorError::BadRequest`].
pub(crate) fn from_form(body: &[u8]) -> Result<Arrived, DoorError> {
    let fields: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    post::decode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .map_err(|error| refused("SAMLRequest", &error))
}

/// Parses what arrived, and finds the application that it says it is from. At a party's own address no other's messages are
/// taken.
///
/// # Errors
/// [`DoorError::BadRequest`].
pub(super) fn open<'a>(
    app: &App,
    arrived: &'a Arrived,
    kinds: &[Kind],
    only: Option<&Party>,
) -> Result<(Message<'a>, Party), DoorError> {
    let message = Message::open(arrived, kinds).map_err(|error| refused("SAMLRequest", &error))?;
    heard(&message);
    let party = sender(app, &message, only).map_err(|why| DoorError::parameter("Issuer", why))?;
    still_good(app, &party)?;
    Ok((message, party))
}

/// Whom a message says it is from.
///
/// # Errors
/// Why nobody of that name may send one to this address.
pub(super) fn sender(app: &App, message: &Message<'_>, only: Option<&Party>) -> Result<Party, &'static str> {
    match only {
        Some(only) if only.entity_id() == message.issuer() => Ok(only.clone()),
        Some(_) => Err("this address takes no messages of an entity with this ID"),
        None => {
            let sp = app.clients.service_providers().by_entity(message.issuer());
            sp.map(Party::Application).ok_or("no application with this entity ID is registered here")
        }
    }
}

/// Refuses a party whose metadata has expired since it was read.
///
/// # Errors
/// [`DoorError::BadRequest`].
pub(super) fn still_good(app: &App, party: &Party) -> Result<(), DoorError> {
    if party.has_expired(app.clock.now()) {
        return Err(DoorError::parameter("Issuer", EXPIRED));
    }
    Ok(())
}

/// Shows what arrived to whoever looks for the reason of something, without its secrets. It is not believed yet.
pub(crate) fn heard(message: &Message<'_>) {
    tracing::debug!(message = %message.outline(), "a SAML message arrived");
}

/// A message that is not taken, as the page says it.
pub(crate) fn refused(parameter: &str, error: &Error) -> DoorError {
    let parameter = match error {
        Error::Parameter(name) | Error::Missing(name) | Error::Twice(name) | Error::Invalid(name) => name,
        Error::Issuer => "Issuer",
        Error::Destination => "Destination",
        Error::InResponseTo => "InResponseTo",
        Error::Unsigned | Error::Signature | Error::SignatureShape(_) => "Signature",
        _ => parameter,
    };
    DoorError::parameter(parameter, error.to_string())
}

/// The address that a message must name: that of the endpoint which it was sent to.
pub(super) fn here(app: &App, path: &str) -> String {
    format!("{}{path}", app.issuer())
}

/// What stands for a message in the memory of those that were taken.
pub(crate) fn replay_key(issuer: &str, id: &str) -> acquit_store::Hash {
    random::hash(&format!("{}:{issuer}{id}", issuer.len()))
}
