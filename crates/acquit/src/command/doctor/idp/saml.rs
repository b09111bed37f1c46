//! A SAML identity provider: by which bindings it takes and sends logout messages.

use acquit_core::Timestamp;
use acquit_saml::{metadata::Peer, names::SOAP_BINDING};
use acquit_server::clock::{Clock, SystemClock};
use serde::Serialize;

use super::super::about::{Address, Key};
use crate::{command::CommandError, output::clean};

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Saml {
    protocol: &'static str,
    pub(super) source: String,
    pub(super) entity_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) valid_until: Option<Timestamp>,
    /// Where it takes logout messages.
    pub(super) logout: Vec<Address>,
    /// Whether a logout here can end the session there, through the browser or from server to server.
    pub(super) reaches_provider: bool,
    /// Whether a logout there can be believed here: by its signature.
    pub(super) believed: bool,
    pub(super) signing_certificates: Vec<Key>,
    pub(super) single_sign_on: Vec<Address>,
    pub(super) want_authn_requests_signed: bool,
    /// What to register there; empty while no connection is named.
    pub(super) register: Vec<Registration>,
}

/// Something to register there.
#[derive(Debug, Serialize)]
pub(super) struct Registration {
    pub(super) name: &'static str,
    pub(super) url: String,
    pub(super) words: &'static str,
}

impl Saml {
    /// Reads metadata. `ours`: the connection's id, and our public URL.
    pub(super) fn read(
        source: &str,
        document: &[u8],
        entity_id: Option<&str>,
        ours: Option<(&str, &str)>,
    ) -> Result<Self, CommandError> {
        let now = SystemClock.now();
        let unusable = |why: String, help: &str| {
            let help = if help.is_empty() { String::new() } else { format!("\n  help: {help}") };
            CommandError::Failed(format!("`{}` cannot be used: {why}{help}", clean(source)))
        };
        let peer = Peer::from_metadata(document, entity_id, None, now).map_err(|error| match error {
            acquit_saml::Error::NoEntity => unusable(
                "it describes several, or not that one".to_owned(),
                "name the one that is meant with --entity-id",
            ),
            error => unusable(error.to_string(), ""),
        })?;
        let Some(idp) = peer.idp else {
            let help = if peer.sp.is_some() { "it is an application: see `acquit doctor app`" } else { "" };
            return Err(unusable("it describes no identity provider".to_owned(), help));
        };
        let signing: Vec<Key> = idp.role.signing.iter().map(|certificate| Key::of(certificate, now)).collect();
        let register = ours.map(|(connection, issuer)| registrations(connection, issuer)).unwrap_or_default();
        Ok(Self {
            protocol: "saml",
            source: source.to_owned(),
            entity_id: idp.entity_id.clone(),
            valid_until: idp.role.valid_until,
            reaches_provider: !idp.role.single_logout.is_empty(),
            logout: idp.role.single_logout.iter().map(Address::from).collect(),
            believed: signing.iter().any(|key| key.usable),
            signing_certificates: signing,
            single_sign_on: idp.single_sign_on.iter().map(Address::from).collect(),
            want_authn_requests_signed: idp.want_authn_requests_signed,
            register,
        })
    }

    /// Whether it takes logout messages from server to server, so that one is delivered without a browser.
    pub(super) fn takes_soap(&self) -> bool {
        self.logout.iter().any(|address| address.binding == "soap" || address.binding == SOAP_BINDING)
    }

    /// Whether people can sign in there, and a logout goes there and can come from there.
    pub(super) fn is_well(&self) -> bool {
        self.reaches_provider && self.believed && !self.single_sign_on.is_empty()
    }
}

fn registrations(connection: &str, issuer: &str) -> Vec<Registration> {
    let at = |path: &str| format!("{issuer}/sso/saml/{path}/{connection}");
    vec![
        Registration {
            name: "metadata",
            url: at("metadata"),
            words: "Our metadata, which is our entity ID too: with it the provider knows the rest.",
        },
        Registration { name: "assertion_consumer_service", url: at("acs"), words: "Its Responses come here, by POST." },
        Registration {
            name: "single_logout_service",
            url: at("slo"),
            words: "Its LogoutRequests and LogoutResponses come here, by Redirect, POST or SOAP.",
        },
    ]
}
