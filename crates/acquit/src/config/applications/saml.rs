//! From what is written of a SAML application to the one that the server knows.

pub(in crate::config) mod check;
pub(in crate::config) mod document;
mod text;

use std::fs;

use acquit_core::{AppId, Timestamp};
use acquit_delivery::egress::Policy;
use acquit_saml::{
    metadata::{Endpoint, Role, ServiceProvider},
    names::HTTP_POST,
    security::Certificate,
};
use acquit_server::settings::{
    SamlApplication,
    saml::{NameIdKind, SloBinding, Source},
};

use super::ApplicationSection;
pub use check::remarks;
pub use document::{Role as MetadataRole, Unusable, read_metadata};
pub use text::{AttributeText, CertificateText, MetadataText, NameIdText, SloBindingText};

use crate::config::{context::Context, diagnostic::quoted, path::Path};

impl ApplicationSection {
    /// The SAML application to have; every mistake is noted.
    pub fn resolve_saml(mut self, cx: &mut Context<'_>, path: &Path, policy: &Policy) -> Option<SamlApplication> {
        if let Some(id) = &self.id {
            super::check::check_id(id, cx, &path.key("id"));
        }
        if let Some(key) = &self.key {
            super::check::check_id(key, cx, &path.key("key"));
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
            encrypt_assertions: self.encrypt_assertions.unwrap_or(false),
            tell_on_expiry: self.tell_on_expiry.unwrap_or(true),
        };
        if let Source::Given(sp) = &application.source {
            check::check_provider(&application, sp, cx, path, policy);
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
            (Some(text), []) => {
                let entity_id = self.entity_id.take();
                document::source(cx, &at, text, entity_id, policy)
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
            // As a KeyDescriptor without a use: they are for both.
            role: Role {
                encryption: signing.clone(),
                signing,
                single_logout: slo.into_iter().collect(),
                ..Role::default()
            },
            acs: vec![Endpoint::new(HTTP_POST, &self.acs_url.take()?)],
            authn_requests_signed: false,
            want_assertions_signed: true,
        })
    }
}

pub(in crate::config) fn read_certificate(
    cx: &mut Context<'_>,
    path: &Path,
    text: CertificateText,
) -> Option<Certificate> {
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

pub(in crate::config) fn now() -> Timestamp {
    use acquit_server::clock::Clock;
    acquit_server::clock::SystemClock.now()
}
