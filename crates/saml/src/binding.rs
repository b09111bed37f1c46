//! Bindings: how messages travel. Each has a way in, that gives an [`Arrived`], and a way out.

pub mod artifact;
pub mod post;
pub mod redirect;
pub mod soap;

use crate::security::Algorithm;

/// The longest RelayState that we make (Bindings section 3.4.3).
pub const RELAY_STATE_BYTES: usize = 80;
/// The longest RelayState that we take and give back; peers do not keep to the 80 bytes.
pub const RELAY_STATE_TAKEN: usize = 4096;

/// How a message came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// In a query, named as a request or as an answer, with a signature beside it or without.
    Redirect { request: bool, signature: Option<DetachedSignature> },
    /// In a form, named as a request or as an answer.
    Post { request: bool },
    /// In an envelope, from a server.
    Soap,
}

/// A message as it came, decoded and not yet looked at. [`Message::open`](crate::message::Message::open) is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    xml: Vec<u8>,
    relay_state: Option<String>,
    transport: Transport,
}

impl Arrived {
    pub(crate) fn new(xml: Vec<u8>, relay_state: Option<String>, transport: Transport) -> Self {
        Self { xml, relay_state, transport }
    }

    /// What the answer must give back, byte for byte. It is no address.
    #[must_use]
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// The message, for debug logs.
    #[must_use]
    pub fn xml(&self) -> &[u8] {
        &self.xml
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }
}

/// The signature beside a redirected message, and the octets that it is over, as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DetachedSignature {
    algorithm: Algorithm,
    octets: Vec<u8>,
    value: Vec<u8>,
}

impl DetachedSignature {
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }
}

/// Base64 as peers write it: perhaps in lines, with padding.
pub(crate) fn decode_base64(text: &str, what: &'static str) -> Result<Vec<u8>, crate::Error> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let compact: String = text.chars().filter(|character| !matches!(character, ' ' | '\t' | '\r' | '\n')).collect();
    BASE64_STANDARD.decode(compact).map_err(|_| crate::Error::Undecodable(what))
}

/// A RelayState of ours, if it is short enough.
pub(crate) fn relay_state(text: Option<&str>) -> Result<Option<&str>, crate::BuildError> {
    // An answer gives back what came, however long.
    match text {
        Some(text) if text.len() > RELAY_STATE_TAKEN => Err(crate::BuildError::RelayState),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests;
