//! The SAML identity provider of a connection, and whether people can sign in by it and be signed out of it.

use acquit_delivery::egress::Policy;
use acquit_saml::{
    metadata::{Endpoint, IdentityProvider, Role},
    names::{HTTP_POST, HTTP_REDIRECT},
};
use acquit_server::settings::{
    broker::SamlProvider,
    saml::{NameIdKind, SloBinding, Source, told_at},
};

use super::ConnectionSection;
use crate::config::{
    applications::{
        SloBindingText,
        saml::{
            check::{SOON, check_address, check_keys, short},
            document, now, read_certificate,
        },
    },
    context::Context,
    egress::check_reachable,
    path::Path,
};

/// Keys by which a provider is described by hand.
const BY_HAND: [&str; 3] = ["sso_url", "slo_url", "certificates"];

impl ConnectionSection {
    /// The provider to have; every mistake is noted.
    pub(super) fn saml(&mut self, cx: &mut Context<'_>, path: &Path, policy: &Policy) -> Option<SamlProvider> {
        let source = self.source(cx, path, policy);
        let name_id = self.name_id.map(NameIdKind::from);
        let id = self.attributes.as_ref().and_then(|attributes| attributes.id.as_ref());
        if name_id == Some(NameIdKind::Transient) && id.is_none() {
            cx.error(&path.key("name_id"), "a transient name is another one each time, so nobody would be known again")
                .help("choose \"persistent\", or name in `attributes` the attribute that says who a person is: id = \"uid\"");
        }
        let provider = SamlProvider { source: source?, slo_binding: self.slo_binding.map(SloBinding::from), name_id };
        if let Source::Given(idp) = &provider.source {
            check(&provider, idp, cx, path, policy);
        }
        Some(provider)
    }

    fn source(&mut self, cx: &mut Context<'_>, path: &Path, policy: &Policy) -> Option<Source<IdentityProvider>> {
        let written = BY_HAND.into_iter().find(|key| cx.is_written(&path.key(key)));
        let at = path.key("metadata");
        match (self.metadata.take(), written) {
            (Some(_), Some(key)) => {
                cx.error(&path.key(key), format!("`{key}` stands beside `metadata`, which says the same"))
                    .help("keep `metadata`, or write everything by hand");
                None
            }
            (Some(text), None) => document::source(cx, &at, text, self.entity_id.take(), policy),
            // Its shape was noted.
            (None, _) if cx.is_written(&at) => None,
            (None, _) => self.by_hand(cx, path).map(|idp| Source::Given(Box::new(idp))),
        }
    }

    fn by_hand(&mut self, cx: &mut Context<'_>, path: &Path) -> Option<IdentityProvider> {
        let needed = ["entity_id", "sso_url", "certificates"];
        if let Some(key) = needed.into_iter().find(|key| !cx.is_written(&path.key(key))) {
            cx.error(path, format!("this SAML connection has neither `metadata` nor `{key}`"))
                .help("give it `metadata = { url = \"…\" }`, or `entity_id`, `sso_url` and `certificates` by hand");
            return None;
        }
        let mut signing = Vec::new();
        for (index, text) in self.certificates.take()?.into_iter().enumerate() {
            signing.push(read_certificate(cx, &path.key("certificates").index(index), text)?);
        }
        let slo = self.slo_url.take().map(|url| {
            let binding = self.slo_binding.unwrap_or(SloBindingText::Redirect);
            Endpoint::new(SloBinding::from(binding).uri(), &url)
        });
        if slo.is_none() && self.slo_binding.is_some() && !cx.is_written(&path.key("slo_url")) {
            cx.error(&path.key("slo_binding"), "`slo_binding` needs `slo_url`, or metadata with such an endpoint");
        }
        Some(IdentityProvider {
            entity_id: self.entity_id.take()?,
            role: Role { signing, single_logout: slo.into_iter().collect(), ..Role::default() },
            single_sign_on: vec![Endpoint::new(HTTP_REDIRECT, &self.sso_url.take()?)],
            want_authn_requests_signed: true,
        })
    }
}

/// Notes what of a provider's metadata keeps people from signing in by it, or it from being told of logouts.
fn check(provider: &SamlProvider, idp: &IdentityProvider, cx: &mut Context<'_>, path: &Path, policy: &Policy) {
    let at = |key: &str| if cx.is_written(&path.key(key)) { path.key(key) } else { path.key("metadata") };
    let (sso_at, slo_at, keys_at) = (at("sso_url"), at("slo_url"), at("certificates"));
    if idp.sign_on().is_none() {
        let message = "the metadata has no SingleSignOnService for HTTP-Redirect or HTTP-POST, so nobody could sign in";
        cx.error(&sso_at, message);
    }
    let usable = [HTTP_REDIRECT, HTTP_POST];
    for endpoint in idp.single_sign_on.iter().filter(|endpoint| usable.contains(&endpoint.binding.as_str())) {
        check_address(cx, &sso_at, &endpoint.location);
    }
    if idp.role.signing.is_empty() {
        cx.error(&keys_at, "no certificate of this provider is known, so nothing that it says can be believed")
            .help("its metadata must have a KeyDescriptor for signing");
    }
    check_keys(cx, &keys_at, &idp.role.signing, "provider");
    if let Some(binding) = provider.slo_binding
        && !idp.role.single_logout.is_empty()
        && idp.role.logout_by(binding.uri()).is_none()
    {
        let has: Vec<&str> = idp.role.single_logout.iter().filter_map(|endpoint| short(&endpoint.binding)).collect();
        cx.error(&path.key("slo_binding"), "the metadata has no SingleLogoutService for this binding")
            .help(format!("it has {}", if has.is_empty() { "none that is known".to_owned() } else { has.join(", ") }));
    }
    if let Some(end) = idp.role.valid_until
        && end <= now().plus(SOON)
    {
        cx.warning(&path.key("metadata"), format!("the metadata ends on {end} (validUntil)"))
            .help("from then on nobody signs in by it and it is told of no logout; get it anew, or name its `url`");
    }
    match told_at(provider.slo_binding, &idp.role) {
        (None, None) if idp.role.single_logout.is_empty() => {
            cx.warning(
                path,
                "this provider cannot be told of a logout, so people stay signed in there, as receipts will say",
            )
            .help("its metadata has no SingleLogoutService; turn single logout on there, or say logout = \"local\"");
        }
        (Some(soap), _) => check_reachable(cx, &slo_at, &soap, policy),
        (None, Some(hop)) => check_address(cx, &slo_at, &hop.uri),
        (None, None) => {}
    }
}
