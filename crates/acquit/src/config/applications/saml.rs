//! From what is written of a SAML application to the one that the server knows.

use std::{borrow::Cow, fs};

use acquit_core::{AppId, Timestamp};
use acquit_delivery::egress::Policy;
use acquit_oidc::uri::is_loopback;
use acquit_saml::{
    METADATA_BYTES,
    metadata::{Endpoint, Peer, Role, ServiceProvider},
    names::{HTTP_POST, HTTP_REDIRECT, SOAP_BINDING},
    security::Certificate,
};
use acquit_server::settings::{
    SamlApplication,
    saml::{AttributeSource, NameIdKind, SloBinding, Source},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{ApplicationSection, check};
use crate::config::{
    context::Context,
    diagnostic::{Diagnostic, Diagnostics, quoted},
    egress::check_reachable,
    environment::Environment,
    path::Path,
    tree,
};

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

impl ApplicationSection {
    /// The SAML application to have; every mistake is noted.
    pub fn resolve_saml(mut self, cx: &mut Context<'_>, path: &Path, policy: &Policy) -> Option<SamlApplication> {
        if let Some(id) = &self.id {
            check::check_id(id, cx, &path.key("id"));
        }
        if let Some(key) = &self.key {
            check::check_id(key, cx, &path.key("key"));
        }
        let source = self.source(cx, path, policy);
        let id = self.id.take()?;
        let application = SamlApplication {
            name: self.name.take().unwrap_or_else(|| id.clone()),
            app: AppId::new(id),
            key: self.key.take(),
            source: source?,
            slo_binding: self.slo_binding.map(SloBinding::from),
            session_index_required: self.session_index_required.unwrap_or(false),
            slo_frame: self.slo_frame.unwrap_or(false),
            single_logout: self.single_logout.unwrap_or_default().into(),
            name_id: self.name_id.map(NameIdKind::from),
            attributes: self
                .attributes
                .take()
                .unwrap_or_default()
                .into_iter()
                .map(|(name, source)| (name, source.into()))
                .collect(),
            tell_on_expiry: self.tell_on_expiry.unwrap_or(true),
        };
        if let Source::Given(sp) = &application.source {
            check_provider(&application, sp, cx, path, policy);
        }
        Some(application)
    }

    fn source(&mut self, cx: &mut Context<'_>, path: &Path, policy: &Policy) -> Option<Source> {
        let by_hand = ["acs_url", "slo_url", "certificates"];
        let written: Vec<&str> = by_hand.into_iter().filter(|key| cx.is_written(&path.key(key))).collect();
        let at = path.key("metadata");
        match (self.metadata.take(), written.as_slice()) {
            (Some(_), [key, ..]) => {
                cx.error(&path.key(key), format!("`{key}` stands beside `metadata`, which says the same"))
                    .help("keep `metadata`, or write everything by hand");
                None
            }
            (Some(MetadataText { file: Some(file), url: None, certificate: None }), []) => {
                let sp = metadata_file(cx, &at.key("file"), &file, self.entity_id.as_deref())?;
                Some(Source::Given(Box::new(sp)))
            }
            (Some(MetadataText { file: None, url: Some(url), certificate }), []) => {
                check_reachable(cx, &at.key("url"), &url, policy);
                let signed_by = match certificate {
                    Some(text) => Some(read_certificate(cx, &at.key("certificate"), text)?),
                    None => None,
                };
                if signed_by.is_none() && url.starts_with("http:") {
                    cx.warning(&at.key("url"), "metadata that is neither fetched by TLS nor signed proves nothing");
                }
                Some(Source::Url { url, entity_id: self.entity_id.take(), signed_by })
            }
            (Some(_), []) => {
                cx.error(&at, "metadata is in a file or at a URL, one of them; a `certificate` goes with a URL")
                    .help("write { file = \"…\" } or { url = \"…\" }");
                None
            }
            (None, _) if cx.is_written(&at) => None,
            (None, _) => self.by_hand(cx, path).map(|sp| Source::Given(Box::new(sp))),
        }
    }

    fn by_hand(&mut self, cx: &mut Context<'_>, path: &Path) -> Option<ServiceProvider> {
        let missing: Vec<&str> =
            ["entity_id", "acs_url"].into_iter().filter(|key| !cx.is_written(&path.key(key))).collect();
        if let [key, ..] = missing.as_slice() {
            cx.error(path, format!("this SAML application has neither `metadata` nor `{key}`"))
                .help("give it `metadata = { file = \"…\" }`, or `entity_id` and `acs_url` by hand");
            return None;
        }
        let mut signing = Vec::new();
        for (index, text) in self.certificates.take().unwrap_or_default().into_iter().enumerate() {
            signing.push(read_certificate(cx, &path.key("certificates").index(index), text)?);
        }
        let slo = self.slo_url.take().map(|url| {
            let binding = self.slo_binding.unwrap_or(SloBindingText::Redirect);
            Endpoint::new(SloBinding::from(binding).uri(), &url)
        });
        if slo.is_none() && self.slo_binding.is_some() && !cx.is_written(&path.key("slo_url")) {
            cx.error(&path.key("slo_binding"), "`slo_binding` needs `slo_url`, or metadata with such an endpoint");
        }
        Some(ServiceProvider {
            entity_id: self.entity_id.take()?,
            role: Role { signing, single_logout: slo.into_iter().collect(), ..Role::default() },
            acs: vec![Endpoint::new(HTTP_POST, &self.acs_url.take()?)],
            authn_requests_signed: false,
            want_assertions_signed: true,
        })
    }
}

fn metadata_file(cx: &mut Context<'_>, path: &Path, file: &str, entity_id: Option<&str>) -> Option<ServiceProvider> {
    let place = cx.base.join(file);
    let shown = quoted(&place.display().to_string());
    let bytes = match fs::metadata(&place).and_then(|about| {
        if about.len() > METADATA_BYTES as u64 {
            Err(std::io::ErrorKind::FileTooLarge.into())
        } else {
            fs::read(&place)
        }
    }) {
        Ok(bytes) => bytes,
        Err(error) => {
            cx.error(path, format!("the metadata file {shown} cannot be read: {error}"));
            return None;
        }
    };
    match read_metadata(&bytes, entity_id) {
        Ok(sp) => Some(sp),
        Err(unusable) => {
            let note = cx.error(path, unusable.words(&shown));
            if let Some(help) = unusable.help() {
                note.help(help);
            }
            None
        }
    }
}

/// Why a metadata document cannot be used. Its application's people must act, or who chose the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is about an identity provider.
    IdentityProvider,
    /// It does not have the one service provider that is meant.
    NoEntity,
    /// It has ended.
    Expired,
    /// It is no metadata.
    Broken(acquit_saml::Error),
}

impl Unusable {
    /// What is wrong with the document at `place`.
    #[must_use]
    pub fn words(&self, place: &str) -> String {
        match self {
            Self::IdentityProvider => format!("{place} describes an identity provider, not a service provider"),
            Self::NoEntity => format!("{place} has no service provider of that name, or several"),
            Self::Expired => format!("the metadata in {place} has expired (validUntil)"),
            Self::Broken(error) => format!("the metadata in {place} cannot be used: {error}"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoEntity => Some("name the one that is meant in `entity_id`"),
            Self::Expired => Some("get it anew from the application, or name its `url` so that it is refreshed"),
            Self::IdentityProvider | Self::Broken(_) => None,
        }
    }
}

/// The service provider that a metadata document describes; the one of that name where there are several.
///
/// # Errors
/// [`Unusable`].
pub fn read_metadata(bytes: &[u8], entity_id: Option<&str>) -> Result<ServiceProvider, Unusable> {
    match Peer::from_metadata(bytes, entity_id, None, now()) {
        Ok(Peer { sp, .. }) => sp.ok_or(Unusable::IdentityProvider),
        Err(acquit_saml::Error::NoEntity) => Err(Unusable::NoEntity),
        Err(acquit_saml::Error::Time) => Err(Unusable::Expired),
        Err(error) => Err(Unusable::Broken(error)),
    }
}

/// What `acquit check` says of an application with this metadata, without a place in any file.
#[must_use]
pub fn remarks(application: &SamlApplication, sp: &ServiceProvider, policy: &Policy) -> Vec<Diagnostic> {
    let (written, _) = tree::parse("");
    let (environment, mut diagnostics) = (Environment::default(), Diagnostics::default());
    let mut cx = Context {
        written: &written,
        base: std::path::Path::new(""),
        environment: &environment,
        diagnostics: &mut diagnostics,
    };
    check_provider(application, sp, &mut cx, &Path::root().key("applications").index(0), policy);
    diagnostics.finish("", "")
}

fn read_certificate(cx: &mut Context<'_>, path: &Path, text: CertificateText) -> Option<Certificate> {
    let pem = match text {
        CertificateText::Literal(pem) => pem,
        CertificateText::Elsewhere { file } => {
            let place = cx.base.join(file.unwrap_or_default());
            match fs::read_to_string(&place) {
                Ok(pem) => pem,
                Err(error) => {
                    let shown = quoted(&place.display().to_string());
                    cx.error(&path.key("file"), format!("the certificate file {shown} cannot be read: {error}"));
                    return None;
                }
            }
        }
    };
    let certificate = Certificate::from_text(&pem);
    if certificate.is_err() {
        cx.error(path, "this is no X.509 certificate").help("write it as PEM: \"-----BEGIN CERTIFICATE-----…\"");
    }
    certificate.ok()
}

/// Notes what of an application's metadata keeps it from being used, or from being told of logouts.
fn check_provider(
    application: &SamlApplication,
    sp: &ServiceProvider,
    cx: &mut Context<'_>,
    path: &Path,
    policy: &Policy,
) {
    let at = |key: &str| if cx.is_written(&path.key(key)) { path.key(key) } else { path.key("metadata") };
    let (acs_at, slo_at, keys_at) = (at("acs_url"), at("slo_url"), at("certificates"));
    if sp.acs_for(None).is_err() {
        cx.error(&acs_at, "the metadata has no AssertionConsumerService for HTTP-POST, so nobody could sign in");
    }
    for endpoint in sp.acs.iter().filter(|endpoint| endpoint.binding == HTTP_POST) {
        check_address(cx, &acs_at, &endpoint.location);
    }
    if sp.role.signing.is_empty() {
        let message = "no certificate of this application is known, so its logout messages cannot be believed";
        cx.warning(&keys_at, message).help("give it `certificates`, or metadata with a KeyDescriptor");
    }
    for certificate in &sp.role.signing {
        let subject = quoted(certificate.subject());
        if certificate.verifying_key().is_err() {
            cx.error(&keys_at, format!("the key in the certificate {subject} is too weak or of an unknown kind"))
                .help("RSA of 2048 bits and more, P-256 or P-384");
        } else if certificate.not_after() <= now() {
            cx.warning(&keys_at, format!("the certificate {subject} expired on {}", certificate.not_after()))
                .help("its key is still believed; ask whether the application has changed it");
        }
    }
    if let Some(binding) = application.slo_binding
        && !sp.role.single_logout.is_empty()
        && sp.role.logout_by(binding.uri()).is_none()
    {
        let has: Vec<&str> = sp.role.single_logout.iter().filter_map(|endpoint| short(&endpoint.binding)).collect();
        cx.error(&path.key("slo_binding"), "the metadata has no SingleLogoutService for this binding")
            .help(format!("it has {}", if has.is_empty() { "none that is known".to_owned() } else { has.join(", ") }));
    }
    let channels = application.channels(sp).saml;
    match &channels {
        None if sp.role.single_logout.is_empty() => {
            cx.warning(path, "this application cannot be told of a logout, and every receipt will say so")
                .help("its metadata has no SingleLogoutService; add one, or `slo_url` by hand");
        }
        None => {}
        Some(channel) => {
            if let Some(uri) = &channel.soap {
                check_reachable(cx, &slo_at, uri, policy);
            }
            if let Some(hop) = &channel.hop {
                check_address(cx, &slo_at, &hop.uri);
            }
            if channel.frame && channel.soap.is_some() {
                cx.warning(&path.key("slo_frame"), "this application is told by SOAP, so its frame is never used")
                    .help("leave out `slo_frame`, or choose slo_binding = \"redirect\" or \"post\"");
            }
        }
    }
}

/// An address that browsers are sent to with messages about people.
fn check_address(cx: &mut Context<'_>, path: &Path, address: &str) {
    match url::Url::parse(address) {
        Ok(url) if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) => {}
        Ok(_) => {
            cx.error(path, format!("{} must be https (http only for a loopback host)", quoted(address)));
        }
        Err(_) => {
            cx.error(path, format!("{} is no absolute URL", quoted(address)));
        }
    }
}

fn short(binding: &str) -> Option<&'static str> {
    match binding {
        HTTP_REDIRECT => Some("\"redirect\""),
        HTTP_POST => Some("\"post\""),
        SOAP_BINDING => Some("\"soap\""),
        _ => None,
    }
}

fn now() -> Timestamp {
    use acquit_server::clock::Clock;
    acquit_server::clock::SystemClock.now()
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
