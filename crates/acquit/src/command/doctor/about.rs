//! What an application's metadata comes to.

use acquit_core::{
    AppId, Timestamp,
    participant::{HopBinding, SamlChannel},
};
use acquit_delivery::egress::Policy;
use acquit_oidc::client::SingleLogout;
use acquit_saml::{
    metadata::{Endpoint, ServiceProvider},
    names::{
        FORMAT_EMAIL, FORMAT_PERSISTENT, FORMAT_TRANSIENT, FORMAT_UNSPECIFIED, HTTP_ARTIFACT, HTTP_POST, HTTP_REDIRECT,
        SOAP_BINDING,
    },
    security::Certificate,
};
use acquit_server::{
    clock::{Clock, SystemClock},
    settings::{SamlApplication, saml::Source},
};
use serde::Serialize;

use super::block;
use crate::config::{
    applications::remarks,
    diagnostic::{Diagnostic, Severity},
};

/// How it would be told of a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Told {
    /// By the server.
    Soap,
    /// By the browser, with the message in the URL.
    Redirect,
    /// By the browser, with the message in a form.
    Post,
}

impl Told {
    fn of(channel: &SamlChannel) -> Option<Self> {
        if channel.soap.is_some() {
            return Some(Self::Soap);
        }
        channel.hop.as_ref().map(|hop| match hop.binding {
            HopBinding::Redirect => Self::Redirect,
            HopBinding::Post => Self::Post,
        })
    }
}

/// Where it takes messages.
#[derive(Debug, Serialize)]
pub(super) struct Address {
    /// `soap`, `redirect`, `post`, `artifact`, or the binding's whole name.
    pub(super) binding: String,
    pub(super) location: String,
    /// Where answers go, if elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_location: Option<String>,
    /// Whether it takes requests that want no answer.
    pub(super) asynchronous: bool,
}

impl From<&Endpoint> for Address {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            binding: short(&endpoint.binding).to_owned(),
            location: endpoint.location.clone(),
            response_location: endpoint.response_location.clone(),
            asynchronous: endpoint.asynchronous,
        }
    }
}

/// A key, by its certificate.
#[derive(Debug, Serialize)]
pub(super) struct Key {
    pub(super) subject: String,
    pub(super) not_after: Timestamp,
    pub(super) expired: bool,
    /// Whether messages can be believed by it.
    pub(super) usable: bool,
}

/// Something that `acquit check` would say.
#[derive(Debug, Serialize)]
pub(super) struct Remark {
    pub(super) severity: Severity,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<String>,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct About {
    pub(super) entity_id: String,
    pub(super) source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) valid_until: Option<Timestamp>,
    /// How Acquit would tell it, SOAP first; absent when it cannot be told.
    pub(super) told_by: Option<Told>,
    pub(super) logout: Vec<Address>,
    pub(super) assertion_consumers: Vec<Address>,
    pub(super) signing_certificates: Vec<Key>,
    pub(super) encryption_certificates: Vec<Key>,
    pub(super) authn_requests_signed: bool,
    pub(super) want_assertions_signed: bool,
    pub(super) name_id_formats: Vec<String>,
    pub(super) remarks: Vec<Remark>,
    /// What to write into acquit.toml.
    pub(super) configuration: String,
}

impl About {
    /// What the metadata from `source` says of the application, under the operator's policy.
    pub(super) fn of(source: &str, entity_id: Option<&str>, sp: &ServiceProvider, policy: &Policy) -> Self {
        let now = SystemClock.now();
        let id = block::id(&sp.entity_id, sp.acs.first().map(|endpoint| endpoint.location.as_str()));
        let application = application(&id, sp);
        let channel = application.channels(sp).saml;
        let keys = |certificates: &[Certificate]| certificates.iter().map(|one| Key::of(one, now)).collect();
        let addresses = |endpoints: &[Endpoint]| endpoints.iter().map(Address::from).collect();
        Self {
            entity_id: sp.entity_id.clone(),
            source: source.to_owned(),
            valid_until: sp.role.valid_until,
            told_by: channel.as_ref().and_then(Told::of),
            logout: addresses(&sp.role.single_logout),
            assertion_consumers: addresses(&sp.acs),
            signing_certificates: keys(&sp.role.signing),
            encryption_certificates: keys(&sp.role.encryption),
            authn_requests_signed: sp.authn_requests_signed,
            want_assertions_signed: sp.want_assertions_signed,
            name_id_formats: sp.role.name_id_formats.iter().map(|format| format_name(format).to_owned()).collect(),
            remarks: remarks(&application, sp, policy).into_iter().map(Remark::from).collect(),
            configuration: block::write(&id, source, entity_id),
        }
    }

    /// Whether people can sign in to it and it can be told of a logout.
    pub(super) fn is_well(&self) -> bool {
        self.told_by.is_some() && !self.has_errors()
    }

    /// Whether `acquit check` would refuse it.
    pub(super) fn has_errors(&self) -> bool {
        self.remarks.iter().any(|remark| remark.severity == Severity::Error)
    }

    /// Whether its own logout messages can be believed, so that a logout may begin there and its answers count.
    pub(super) fn is_believed(&self) -> bool {
        self.signing_certificates.iter().any(|key| key.usable)
    }
}

/// The application as the proposed block has it.
fn application(id: &str, sp: &ServiceProvider) -> SamlApplication {
    SamlApplication {
        app: AppId::new(id),
        name: id.to_owned(),
        key: None,
        source: Source::Given(Box::new(sp.clone())),
        slo_binding: None,
        session_index_required: true,
        slo_frame: false,
        single_logout: SingleLogout::Session,
        name_id: None,
        attributes: Vec::new(),
        encrypt_assertions: false,
        tell_on_expiry: true,
    }
}

impl Key {
    pub(super) fn of(certificate: &Certificate, now: Timestamp) -> Self {
        Self {
            subject: certificate.subject().to_owned(),
            not_after: certificate.not_after(),
            expired: certificate.not_after() <= now,
            usable: certificate.verifying_key().is_ok(),
        }
    }
}

impl From<Diagnostic> for Remark {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { severity: diagnostic.severity, message: diagnostic.message, help: diagnostic.help }
    }
}

fn short(binding: &str) -> &str {
    match binding {
        SOAP_BINDING => "soap",
        HTTP_REDIRECT => "redirect",
        HTTP_POST => "post",
        HTTP_ARTIFACT => "artifact",
        other => other,
    }
}

fn format_name(format: &str) -> &str {
    match format {
        FORMAT_PERSISTENT => "persistent",
        FORMAT_TRANSIENT => "transient",
        FORMAT_EMAIL => "email",
        FORMAT_UNSPECIFIED => "unspecified",
        other => other,
    }
}
