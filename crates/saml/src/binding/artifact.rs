//! The HTTP Artifact binding (Bindings section 3.6): a short reference through the browser, the message from server to
//! server.

use std::fmt;

use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_STANDARD};
use url::Url;

use super::{RELAY_STATE_TAKEN, decode_base64, relay_state};
use crate::{BuildError, Error};

/// An artifact of type 4: good for one message, once, for a short time.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Artifact {
    index: u16,
    source: [u8; 20],
    handle: [u8; 20],
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The handle is as good as the message.
        f.debug_struct("Artifact").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Artifact {
    /// A new artifact from an entity's resolution endpoint with that index.
    #[must_use]
    pub fn from_random(entity_id: &str, index: u16, handle: [u8; 20]) -> Self {
        Self { index, source: source_id(entity_id), handle }
    }

    /// Reads an artifact.
    ///
    /// # Errors
    /// [`Error::Undecodable`]
    pub fn parse(text: &str) -> Result<Self, Error> {
        const WHAT: &str = "SAMLart";
        if text.len() > 128 {
            return Err(Error::TooLarge);
        }
        let bytes = decode_base64(text, WHAT)?;
        let bytes: [u8; 44] = bytes.try_into().map_err(|_| Error::Undecodable(WHAT))?;
        let (kind, rest) = bytes.split_at(2);
        let (index, rest) = rest.split_at(2);
        let (source, handle) = rest.split_at(20);
        if kind != [0, 4] {
            return Err(Error::Undecodable(WHAT));
        }
        let wrong = |_| Error::Undecodable(WHAT);
        Ok(Self {
            index: u16::from_be_bytes(index.try_into().map_err(wrong)?),
            source: source.try_into().map_err(wrong)?,
            handle: handle.try_into().map_err(wrong)?,
        })
    }

    /// Whether it is from that entity.
    #[must_use]
    pub fn is_from(&self, entity_id: &str) -> bool {
        self.source == source_id(entity_id)
    }

    /// The index of the issuer's endpoint that resolves it.
    #[must_use]
    pub fn index(&self) -> u16 {
        self.index
    }

    /// What to look the message up by.
    #[must_use]
    pub fn handle(&self) -> &[u8; 20] {
        &self.handle
    }

    /// The URL that takes the browser to a peer's endpoint with this artifact.
    ///
    /// # Errors
    /// [`BuildError`]
    pub fn to_url(&self, location: &str, relay: Option<&str>) -> Result<String, BuildError> {
        let mut url = Url::parse(location).map_err(|_| BuildError::Url)?;
        let mut query = url.query_pairs_mut();
        query.append_pair("SAMLart", &self.to_string());
        if let Some(relay) = relay_state(relay)? {
            query.append_pair("RelayState", relay);
        }
        drop(query);
        Ok(url.into())
    }

    /// Takes an artifact and the RelayState from the decoded parameters of a query or form.
    ///
    /// # Errors
    /// [`Error`]
    pub fn decode<'a>(
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(Self, Option<String>), Error> {
        let (mut artifact, mut relay) = (None, None);
        for (name, value) in parameters {
            let slot = match name {
                "SAMLart" => &mut artifact,
                "RelayState" => &mut relay,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(Error::Parameter("SAMLart"));
            }
        }
        if relay.is_some_and(|relay| relay.len() > RELAY_STATE_TAKEN) {
            return Err(Error::TooLarge);
        }
        let artifact = Self::parse(artifact.ok_or(Error::Parameter("SAMLart"))?)?;
        Ok((artifact, relay.map(str::to_owned)))
    }
}

impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(44);
        bytes.extend([0, 4]);
        bytes.extend(self.index.to_be_bytes());
        bytes.extend(self.source);
        bytes.extend(self.handle);
        f.write_str(&BASE64_STANDARD.encode(bytes))
    }
}

/// SHA-1 of the entity's name, as the specification has it: a name, not a proof.
fn source_id(entity_id: &str) -> [u8; 20] {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, entity_id.as_bytes());
    let mut id = [0; 20];
    id.copy_from_slice(digest.as_ref());
    id
}
