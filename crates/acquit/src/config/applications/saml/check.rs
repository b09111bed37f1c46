//! Whether a SAML application can be signed in to, and told of logouts, by what its metadata says.

use std::time::Duration;

use acquit_delivery::egress::Policy;
use acquit_oidc::uri::is_loopback;
use acquit_saml::{
    metadata::ServiceProvider,
    names::{HTTP_ARTIFACT, HTTP_POST, HTTP_REDIRECT, SOAP_BINDING},
    security::Certificate,
};
use acquit_server::settings::{SamlApplication, saml::Source};

use super::now;
use crate::config::{
    context::Context,
    diagnostic::{Diagnostic, Diagnostics, quoted},
    egress::check_reachable,
    environment::Environment,
    path::Path,
    tree,
};

/// How long before its end metadata in a file is worth a word.
pub(in crate::config) const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

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

/// Notes what of an application's metadata keeps it from being used, or from being told of logouts.
pub(super) fn check_provider(
    application: &SamlApplication,
    sp: &ServiceProvider,
    cx: &mut Context<'_>,
    path: &Path,
    policy: &Policy,
) {
    let at = |key: &str| if cx.is_written(&path.key(key)) { path.key(key) } else { path.key("metadata") };
    let (acs_at, slo_at, keys_at) = (at("acs_url"), at("slo_url"), at("certificates"));
    if sp.acs_for(None).is_err() {
        let only = sp.acs.iter().any(|endpoint| endpoint.binding == HTTP_ARTIFACT);
        if only {
            let message = "the metadata takes artifacts alone, and has no certificate by which they could be claimed";
            cx.error(&acs_at, message).help("give the metadata a KeyDescriptor, or an endpoint for HTTP-POST");
        } else {
            let message = "the metadata has no AssertionConsumerService for HTTP-POST or HTTP-Artifact, so nobody could \
                           sign in";
            cx.error(&acs_at, message);
        }
    }
    for endpoint in sp.answerable() {
        check_address(cx, &acs_at, &endpoint.location);
    }
    if sp.role.signing.is_empty() {
        let message = "no certificate of this application is known, so its logout messages cannot be believed";
        cx.warning(&keys_at, message).help("give it `certificates`, or metadata with a KeyDescriptor");
    }
    check_keys(cx, &keys_at, &sp.role.signing, "application");
    if application.encrypt_assertions {
        check_recipient(sp, cx, &path.key("encrypt_assertions"));
    }
    if let Some(binding) = application.slo_binding
        && !sp.role.single_logout.is_empty()
        && sp.role.logout_by(binding.uri()).is_none()
    {
        let has: Vec<&str> = sp.role.single_logout.iter().filter_map(|endpoint| short(&endpoint.binding)).collect();
        cx.error(&path.key("slo_binding"), "the metadata has no SingleLogoutService for this binding")
            .help(format!("it has {}", if has.is_empty() { "none that is known".to_owned() } else { has.join(", ") }));
    }
    if let Some(end) = sp.role.valid_until
        && matches!(application.source, Source::Given(_))
        && end <= now().plus(SOON)
    {
        cx.warning(&path.key("metadata"), format!("the metadata ends on {end} (validUntil)"))
            .help("from then on nobody signs in there and it is told of no logout; get it anew, or name its `url`");
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

/// Notes certificates of a party whose keys cannot be used, or have been changed by now.
pub(in crate::config) fn check_keys(cx: &mut Context<'_>, path: &Path, certificates: &[Certificate], whose: &str) {
    for certificate in certificates {
        let subject = quoted(certificate.subject());
        if certificate.verifying_key().is_err() {
            cx.error(path, format!("the key in the certificate {subject} is too weak or of an unknown kind"))
                .help("RSA of 2048 bits and more, P-256 or P-384");
        } else if certificate.not_after() <= now() {
            cx.warning(path, format!("the certificate {subject} expired on {}", certificate.not_after()))
                .help(format!("its key is still believed; ask whether the {whose} has changed it"));
        }
    }
}

/// Whether assertions can be encrypted to the application.
fn check_recipient(sp: &ServiceProvider, cx: &mut Context<'_>, path: &Path) {
    let Some(recipient) = sp.recipient() else {
        if sp.role.encryption.is_empty() {
            cx.error(path, "no key of this application is known to encrypt to, so nobody could sign in")
                .help("give the metadata a KeyDescriptor use=\"encryption\", or leave out `encrypt_assertions`");
        } else {
            cx.error(path, "no key of this application can be encrypted to, so nobody could sign in")
                .help("it must be RSA of 2048 bits and more");
        }
        return;
    };
    if recipient.not_after() <= now() {
        let subject = quoted(recipient.subject());
        cx.warning(path, format!("the certificate to encrypt to, {subject}, expired on {}", recipient.not_after()))
            .help("its key is still used; ask whether the application has changed it");
    }
    if sp.role.cannot_decrypt() {
        let message = "the metadata says how the application decrypts, and AES-256 in GCM, which is used, is not there";
        cx.warning(path, message).help("try whether it can all the same, or leave out `encrypt_assertions`");
    }
}

/// An address that browsers are sent to with messages about people.
pub(in crate::config) fn check_address(cx: &mut Context<'_>, path: &Path, address: &str) {
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

pub(in crate::config) fn short(binding: &str) -> Option<&'static str> {
    match binding {
        HTTP_REDIRECT => Some("\"redirect\""),
        HTTP_POST => Some("\"post\""),
        SOAP_BINDING => Some("\"soap\""),
        _ => None,
    }
}
