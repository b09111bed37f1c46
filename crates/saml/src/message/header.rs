//! What all messages begin with (Core sections 3.2.1 and 3.2.2).

use std::fmt;

use acquit_core::time::Timestamp;

use crate::{
    Error, time,
    xml::{
        Node, Writer,
        names::{FORMAT_ENTITY, SAML},
    },
};

/// An identifier of a message or assertion. It comes from random bytes, since nobody may be able to guess it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// From 160 random bits (Core section 1.3.4).
    #[must_use]
    pub fn from_random(random: [u8; 20]) -> Self {
        use fmt::Write;
        // An xs:ID begins with no digit.
        let mut id = String::from("_");
        for byte in random {
            // Writing to a string does not fail.
            let _ = write!(id, "{byte:02x}");
        }
        Self(id)
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What all messages begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The identifier.
    pub id: String,
    /// When it was written.
    pub issue_instant: Timestamp,
    /// The entity that it is from.
    pub issuer: String,
    /// The address that it was sent to.
    pub destination: Option<String>,
    /// In answers: the request's identifier.
    pub in_response_to: Option<String>,
}

impl Header {
    /// The beginning of a request to an address.
    #[must_use]
    pub fn new(id: &MessageId, now: Timestamp, issuer: &str, destination: &str) -> Self {
        Self {
            id: id.as_str().to_owned(),
            issue_instant: now,
            issuer: issuer.to_owned(),
            destination: Some(destination.to_owned()),
            in_response_to: None,
        }
    }

    /// The beginning of an answer.
    #[must_use]
    pub fn answering(mut self, request: &str) -> Self {
        self.in_response_to = Some(request.to_owned());
        self
    }

    pub(super) fn read(node: Node<'_>) -> Result<Self, Error> {
        if node.required("Version")? != "2.0" {
            return Err(Error::Version);
        }
        Ok(Self {
            id: identifier(node.required("ID")?, "ID")?,
            issue_instant: time::read(node.required("IssueInstant")?, "IssueInstant")?,
            issuer: issuer(node.one(SAML, "Issuer")?)?,
            destination: node.attr("Destination").map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned),
            in_response_to: node.attr("InResponseTo").map(|text| identifier(text, "InResponseTo")).transpose()?,
        })
    }

    /// The attributes and the Issuer; the signature comes next by the schema.
    pub(super) fn write(&self, out: &mut Writer) {
        out.attr("ID", &self.id).attr("Version", "2.0").attr("IssueInstant", &time::write(self.issue_instant));
        out.attr_some("Destination", self.destination.as_deref());
        out.attr_some("InResponseTo", self.in_response_to.as_deref());
        out.leaf("saml:Issuer", &self.issuer);
    }
}

/// An identifier that fits into caches and logs.
fn identifier(text: &str, what: &'static str) -> Result<String, Error> {
    let fits = (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err(Error::Invalid(what)) }
}

/// The name of an entity (Core section 8.3.6): at most 1024 characters, without a Format or with that of entities.
pub(super) fn issuer(node: Node<'_>) -> Result<String, Error> {
    if node.attr("Format").is_some_and(|format| format != FORMAT_ENTITY) {
        return Err(Error::Invalid("Issuer"));
    }
    let issuer = node.filled("Issuer")?;
    if issuer.len() > 1024 { Err(Error::Invalid("Issuer")) } else { Ok(issuer) }
}
