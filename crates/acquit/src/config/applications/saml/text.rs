//! What is written of a SAML application.

use std::borrow::Cow;

use acquit_server::settings::saml::{AttributeSource, NameIdKind, SloBinding};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// Where metadata is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetadataText {
    /// A file, relative to this one.
    pub file: Option<String>,
    /// A URL from which it is fetched when the server starts, and refreshed.
    pub url: Option<String>,
    /// With `url`: the certificate of whoever must have signed the document.
    pub certificate: Option<CertificateText>,
}

/// A certificate: its PEM text, or `{ file = "…" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum CertificateText {
    /// The text.
    Literal(String),
    /// Where it is.
    Elsewhere {
        /// A file, relative to the configuration's.
        file: Option<String>,
    },
}

impl JsonSchema for CertificateText {
    fn schema_name() -> Cow<'static, str> {
        "Certificate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": {
                        "file": { "type": "string", "description": "The file that holds it, relative to this one." }
                    },
                    "additionalProperties": false
                }
            ]
        })
    }
}

/// How an application is told of a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SloBindingText {
    /// By a hop of the browser with the message in the URL.
    Redirect,
    /// By a hop of the browser with the message in a form.
    Post,
    /// From server to server: the dependable way.
    Soap,
}

/// How people are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NameIdText {
    /// A random name that is the same each time, and at no other application.
    Persistent,
    /// A random name for one session.
    Transient,
    /// The e-mail address.
    Email,
    /// The username, in the unspecified format.
    Username,
}

/// What of a person an attribute shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttributeText {
    /// Their id at Acquit.
    Id,
    /// What they sign in with.
    Username,
    /// Their e-mail address.
    Email,
    /// Their name for people.
    Name,
    /// Their groups, a value for each.
    Groups,
}

impl From<SloBindingText> for SloBinding {
    fn from(text: SloBindingText) -> Self {
        match text {
            SloBindingText::Redirect => Self::Redirect,
            SloBindingText::Post => Self::Post,
            SloBindingText::Soap => Self::Soap,
        }
    }
}

impl From<NameIdText> for NameIdKind {
    fn from(text: NameIdText) -> Self {
        match text {
            NameIdText::Persistent => Self::Persistent,
            NameIdText::Transient => Self::Transient,
            NameIdText::Email => Self::Email,
            NameIdText::Username => Self::Username,
        }
    }
}

impl From<AttributeText> for AttributeSource {
    fn from(text: AttributeText) -> Self {
        match text {
            AttributeText::Id => Self::Id,
            AttributeText::Username => Self::Username,
            AttributeText::Email => Self::Email,
            AttributeText::Name => Self::Name,
            AttributeText::Groups => Self::Groups,
        }
    }
}
