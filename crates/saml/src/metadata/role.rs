//! What peers of both roles say of themselves: keys and addresses.

use acquit_core::time::Timestamp;
use url::Url;

use crate::{
    Error,
    security::{self, Certificate, ENCRYPTS_BY},
    xml::{Node, names::ASLO},
};

/// An address of a peer for one binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The binding, see [`names`](crate::names).
    pub binding: String,
    /// Where requests go.
    pub location: String,
    /// Where answers go, if elsewhere.
    pub response_location: Option<String>,
    /// The number of an indexed endpoint.
    pub index: Option<u16>,
    /// Whether it is the one to be used when none is named.
    pub is_default: Option<bool>,
    /// Whether it takes requests that want no answer.
    pub asynchronous: bool,
}

impl Endpoint {
    /// An address for requests and answers alike.
    #[must_use]
    pub fn new(binding: &str, location: &str) -> Self {
        Self {
            binding: binding.to_owned(),
            location: location.to_owned(),
            response_location: None,
            index: None,
            is_default: None,
            asynchronous: false,
        }
    }

    /// Where answers go.
    #[must_use]
    pub fn for_answers(&self) -> &str {
        self.response_location.as_deref().unwrap_or(&self.location)
    }

    pub(super) fn read(node: Node<'_>) -> Result<Self, Error> {
        let index = node.attr("index").map(|text| text.trim().parse().map_err(|_| Error::Invalid("index")));
        let supports = node.attr_ns(ASLO, "supportsAsynchronous").map(str::trim);
        Ok(Self {
            binding: node.required("Binding")?.to_owned(),
            location: address(node.required("Location")?)?,
            response_location: node.attr("ResponseLocation").map(address).transpose()?,
            index: index.transpose()?,
            is_default: node.flag("isDefault")?,
            asynchronous: matches!(supports, Some("true" | "1")),
        })
    }
}

/// An address that a browser or our server may be sent to.
fn address(text: &str) -> Result<String, Error> {
    let url = Url::parse(text.trim()).map_err(|_| Error::Invalid("Location"))?;
    let web = matches!(url.scheme(), "https" | "http") && url.has_host();
    if web && text.len() <= 2048 { Ok(text.trim().to_owned()) } else { Err(Error::Invalid("Location")) }
}

/// What both roles say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// The certificates of keys that sign; several while keys are being changed.
    pub signing: Vec<Certificate>,
    /// The certificates of keys to encrypt to; those that are for nothing else first.
    pub encryption: Vec<Certificate>,
    /// The algorithms by which the peer decrypts; empty when it does not say.
    pub encryption_methods: Vec<String>,
    /// Where logout messages go.
    pub single_logout: Vec<Endpoint>,
    /// Where artifacts are resolved.
    pub artifact_resolution: Vec<Endpoint>,
    /// The formats of names that the peer knows; empty when it does not say.
    pub name_id_formats: Vec<String>,
    /// Until when this may be used.
    pub valid_until: Option<Timestamp>,
}

impl Role {
    /// The address for logout messages by a binding.
    #[must_use]
    pub fn logout_by(&self, binding: &str) -> Option<&Endpoint> {
        self.single_logout.iter().find(|endpoint| endpoint.binding == binding)
    }

    /// Whether the peer says how it decrypts, and that is not how we encrypt ([`ENCRYPTS_BY`]).
    #[must_use]
    pub fn cannot_decrypt(&self) -> bool {
        let ciphers = || self.encryption_methods.iter().filter(|method| security::is_cipher(method));
        ciphers().next().is_some() && ciphers().all(|method| method != ENCRYPTS_BY)
    }

    /// Whether it has passed its end.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        self.valid_until.is_some_and(|end| now >= end)
    }
}
