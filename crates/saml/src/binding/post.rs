//! The HTTP POST binding (Bindings section 3.5): what stands in the form; the page around it is the server's.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Arrived, RELAY_STATE_TAKEN, Transport, decode_base64, relay_state};
use crate::{
    BuildError, Error,
    message::{Outbound, Response, SignWhat},
    security::{Certificate, Signer},
    xml::MESSAGE_BYTES,
};

/// Takes a message from the fields of a form, names and values decoded.
///
/// # Errors
/// [`Error`]
pub fn decode<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Arrived, Error> {
    let (mut message, mut relay) = (None, None);
    for (name, value) in fields {
        let again = match name {
            "SAMLRequest" | "SAMLResponse" => message.replace((name == "SAMLRequest", value)).is_some(),
            "RelayState" => relay.replace(value).is_some(),
            _ => false,
        };
        if again {
            return Err(Error::Parameter(if name == "RelayState" { "RelayState" } else { "SAMLRequest" }));
        }
    }
    let (request, value) = message.ok_or(Error::Parameter("SAMLRequest"))?;
    // Base64 in lines takes a little more than four bytes for three.
    if value.len() > MESSAGE_BYTES / 3 * 4 + MESSAGE_BYTES / 16
        || relay.is_some_and(|text| text.len() > RELAY_STATE_TAKEN)
    {
        return Err(Error::TooLarge);
    }
    let xml = decode_base64(value, "SAMLRequest")?;
    Ok(Arrived::new(xml, relay.map(str::to_owned), Transport::Post { request }))
}

/// A form that the browser posts to a peer. The values are not escaped for HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where to.
    pub action: String,
    /// The field of the message: `SAMLRequest` or `SAMLResponse`.
    pub field: &'static str,
    /// The message in base64.
    pub message: String,
    /// The field `RelayState`, if it is to be there.
    pub relay_state: Option<String>,
}

/// The form with a signed message.
///
/// # Errors
/// [`BuildError`]
pub fn encode<M: Outbound>(
    message: &M,
    location: &str,
    relay: Option<&str>,
    signer: &Signer,
) -> Result<Form, BuildError> {
    form::<M>(&message.signed_xml(signer)?, location, relay)
}

/// The form with an unsigned message, for AuthnRequests to who wants none signed.
///
/// # Errors
/// [`BuildError`]
pub fn encode_unsigned(
    message: &crate::message::AuthnRequest,
    location: &str,
    relay: Option<&str>,
) -> Result<Form, BuildError> {
    form::<crate::message::AuthnRequest>(&message.plain_xml()?, location, relay)
}

/// The form with a Response, signed as the peer wants it, encrypted if a certificate is given.
///
/// # Errors
/// [`BuildError`]
pub fn encode_response(
    response: &Response,
    location: &str,
    relay: Option<&str>,
    signer: &Signer,
    what: SignWhat,
    recipient: Option<&Certificate>,
) -> Result<Form, BuildError> {
    form::<Response>(&response.to_xml(signer, what, recipient)?, location, relay)
}

fn form<M: Outbound>(xml: &str, location: &str, relay: Option<&str>) -> Result<Form, BuildError> {
    Ok(Form {
        action: location.to_owned(),
        field: if M::REQUEST { "SAMLRequest" } else { "SAMLResponse" },
        message: BASE64_STANDARD.encode(xml),
        relay_state: relay_state(relay)?.map(str::to_owned),
    })
}
