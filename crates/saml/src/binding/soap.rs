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
