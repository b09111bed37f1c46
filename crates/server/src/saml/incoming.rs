//! What arrives by a browser or a server: decoded, its sender found, its mistakes put into words.

use std::sync::Arc;

use acquit_saml::{
    Error,
    binding::{Arrived, post, redirect},
    message::{Kind, Message},
};

use super::registry::Sp;
use crate::{App, door::DoorError, random};

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
pub(super) fn from_form(body: &[u8]) -> Result<Arrived, DoorError> {
    let fields: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    post::decode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .map_err(|error| refused("SAMLRequest", &error))
}

/// Parses what arrived, and finds the application that it says it is from. At an application's own address no other's
/// messages are taken.
///
/// # Errors
/// [`DoorError::BadRequest`].
pub(super) fn open<'a>(
    app: &App,
    arrived: &'a Arrived,
    kinds: &[Kind],
    only: Option<&Arc<Sp>>,
) -> Result<(Message<'a>, Arc<Sp>), DoorError> {
    let message = Message::open(arrived, kinds).map_err(|error| refused("SAMLRequest", &error))?;
    tracing::debug!(kind = ?message.kind(), issuer = message.issuer(), "a SAML message arrived");
    let sp = app.clients.service_providers().by_entity(message.issuer());
    let sp = sp.filter(|sp| only.is_none_or(|only| only.app() == sp.app()));
    let sp =
        sp.ok_or_else(|| DoorError::parameter("Issuer", "no application with this entity ID is registered here"))?;
    Ok((message, sp))
}

/// A message that is not taken, as the page says it.
pub(super) fn refused(parameter: &str, error: &Error) -> DoorError {
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
pub(super) fn replay_key(issuer: &str, id: &str) -> acquit_store::Hash {
    random::hash(&format!("{}:{issuer}{id}", issuer.len()))
}
