//! The SOAP binding (Bindings section 3.2): SOAP 1.1, one message in the body, nothing else.
//!
//! A message that can be read is answered with a message and 200, whatever its status. What is no such envelope is answered
//! with a [`fault`] and 500. Neither headers nor SOAPAction mean anything here; the proof is the message's own signature.

use super::{Arrived, Transport};
use crate::{
    BuildError, Error,
    message::Outbound,
    security::Signer,
    xml::{MESSAGE_BYTES, Writer, names::SOAP},
};

/// The media type of both directions.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";
/// The header of requests that SOAP 1.1 wants; its value means nothing.
pub const SOAP_ACTION: &str = "http://www.oasis-open.org/committees/security";

/// The endpoint of an entity, reached over a connection whose certificate proved the host: what comes back on it is from
/// that entity even when it is not signed (Profiles section 4.4.4.2: by signature, or by the binding).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsEndpoint {
    entity_id: String,
}

impl TlsEndpoint {
    /// The endpoint that the metadata of `entity_id` gives; none unless it is reached by `https`. The caller makes the
    /// request to that very URL with certificates checked.
    #[must_use]
    pub fn new(entity_id: &str, url: &str) -> Option<Self> {
        let https = url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        https.then(|| Self { entity_id: entity_id.to_owned() })
    }

    pub(crate) fn entity_id(&self) -> &str {
        &self.entity_id
    }
}

/// Takes the body of an HTTP request or answer.
///
/// # Errors
/// [`Error::TooLarge`]; everything else shows when the message is opened.
pub fn decode(body: Vec<u8>) -> Result<Arrived, Error> {
    if body.len() > MESSAGE_BYTES { Err(Error::TooLarge) } else { Ok(Arrived::new(body, None, Transport::Soap)) }
}

/// The body of an HTTP request or answer with a signed message.
///
/// # Errors
/// [`BuildError`]
pub fn encode<M: Outbound>(message: &M, signer: &Signer) -> Result<String, BuildError> {
    envelope(&message.signed_xml(signer)?)
}

fn envelope(content: &str) -> Result<String, BuildError> {
    let mut out = Writer::new();
    out.start("soap:Envelope").attr("xmlns:soap", SOAP).start("soap:Body").embed(content);
    out.finish()
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    /// The sender's.
    Client,
    /// Ours.
    Server,
    /// A header was to be understood.
    MustUnderstand,
}

/// The body of an answer to what is no envelope with a message: with status 500 (SOAP 1.1 section 6.2).
///
/// # Errors
/// [`BuildError`]
pub fn fault(code: FaultCode, words: &str) -> Result<String, BuildError> {
    let code = match code {
        FaultCode::Client => "soap:Client",
        FaultCode::Server => "soap:Server",
        FaultCode::MustUnderstand => "soap:MustUnderstand",
    };
    let mut out = Writer::new();
    out.start("soap:Envelope").attr("xmlns:soap", SOAP).start("soap:Body").start("soap:Fault");
    // Unqualified by the schema of SOAP 1.1.
    out.leaf("faultcode", code).leaf("faultstring", words);
    out.finish()
}
