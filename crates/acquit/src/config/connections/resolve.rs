//! From what is written of a connection to the one that the server knows.

use std::time::Duration;

use acquit_core::ConnectionId;
use acquit_delivery::egress::Policy;
use acquit_server::settings::{
    Connection, Organization,
    broker::{Frames, IdpLogout, UpstreamProvider},
    connection_type,
};

use super::{ConnectionProtocolText, ConnectionSection, FrontchannelLogoutText, IdpLogoutText, LogoutText};
use crate::config::{
    context::Context,
    diagnostic::quoted,
    duration::{DAY, MINUTE},
    organizations,
    path::Path,
};

/// The fewest and the most characters of an external key. 20 of them have 120 bits when they are random.
const EXTERNAL_KEY: std::ops::RangeInclusive<usize> = 20..=128;

/// Stands in for a `revalidate` that is wrong, so that nothing runs with it: the mistake is noted.
const REVALIDATE: Duration = Duration::from_secs(10 * 60);

impl ConnectionSection {
    /// The connection to have; every mistake is noted. `organizations`: those of the file that are right.
    pub fn resolve(
        mut self,
        cx: &mut Context<'_>,
        path: &Path,
        policy: &Policy,
        organizations: &[Organization],
    ) -> Option<Connection> {
        // Its type or its whole shape was noted, and nothing else can be said about it.
        let protocol = self.protocol?;
        let id = self.id.take().and_then(|id| match ConnectionId::parse(&id) {
            Ok(id) => Some(id),
            Err(_) => {
                cx.error(&path.key("id"), format!("{} is no connection's id", quoted(&id)))
                    .help("it is `conn_` and letters and digits, such as \"conn_01EXAMPLE\"");
                None
            }
        });
        let at = path.key("organization");
        let organization = match self.organization.take() {
            Some(id) => organizations::known(cx, &at, &id).map(Some),
            // Its shape was noted. Taken for absent it would be nobody's.
            None if cx.is_written(&at) => None,
            None => Some(None),
        };
        if let Some(name) = &self.name {
            cx.check_name(&path.key("name"), name);
        }
        if let Some(key) = &self.external_key {
            check_external_key(cx, &path.key("external_key"), key);
        }
        let (connection_type, of_saml) = self.connection_type(protocol);
        if of_saml != (protocol == ConnectionProtocolText::Saml) {
            let goes_with = if of_saml { "saml" } else { "oidc" };
            let message = format!("{} goes with type = \"{goes_with}\"", quoted(&connection_type));
            cx.error(&path.key("connection_type"), message);
        }
        if protocol == ConnectionProtocolText::Oidc {
            let at = path.key("attributes").key("id");
            if cx.is_written(&at) {
                cx.error(&at, "`id` belongs to type = \"saml\"").help("people of OpenID Connect are known by `sub`");
            }
        }
        let provider = match protocol {
            ConnectionProtocolText::Oidc => self.oidc(cx, path, policy).map(UpstreamProvider::Oidc),
            ConnectionProtocolText::Saml => self.saml(cx, path, policy).map(UpstreamProvider::Saml),
        };
        let whose = organization.as_ref().and_then(Option::as_ref);
        let whose = organizations.iter().find(|candidate| Some(&candidate.id) == whose);
        let name = self.name.take().or_else(|| whose.map(|whose| whose.name.clone()));
        let attributes = self.attributes.take().unwrap_or_default().resolve(cx, &path.key("attributes"));
        let at = path.key("revalidate");
        let written = self.revalidate.take();
        let revalidate = written.map(|text| cx.duration(&at, Some(text), REVALIDATE, MINUTE..=DAY));
        let id = id?;
        let external_key = match protocol {
            ConnectionProtocolText::Oidc => self.external_key?,
            ConnectionProtocolText::Saml => id.to_string(),
        };
        Some(Connection {
            name: name.unwrap_or_else(|| id.as_str().to_owned()),
            id,
            organization: organization?,
            external_key,
            connection_type,
            provider: provider?,
            propagate: self.logout.unwrap_or_default() == LogoutText::Propagate,
            idp_logout: self.idp_logout.unwrap_or_default().into(),
            frames: match self.frontchannel_logout {
                None | Some(FrontchannelLogoutText::Sid) => Frames::Named,
                Some(FrontchannelLogoutText::Bare) => Frames::Bare,
            },
            attributes,
            revalidate,
        })
    }
}

impl ConnectionSection {
    /// What it is called in the broker API, and whether that is a name of SAML's.
    fn connection_type(&mut self, protocol: ConnectionProtocolText) -> (String, bool) {
        let generic = match protocol {
            ConnectionProtocolText::Oidc => connection_type::GENERIC,
            ConnectionProtocolText::Saml => connection_type::GENERIC_SAML,
        };
        let named = self.connection_type.take().unwrap_or_else(|| generic.to_owned());
        let of_saml = connection_type::is_saml(&named);
        (named, of_saml)
    }
}

fn check_external_key(cx: &mut Context<'_>, path: &Path, key: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let what = if !key.bytes().all(plain) {
        "an external key takes letters, digits, `-` and `_` only, because it stands in URLs"
    } else if key.len() < *EXTERNAL_KEY.start() {
        "this external key is shorter than 20 characters, so it may be guessed"
    } else if key.len() > *EXTERNAL_KEY.end() {
        "an external key has at most 128 characters"
    } else {
        return;
    };
    cx.error(path, what).help("make one with `openssl rand -hex 16`");
}

impl From<IdpLogoutText> for IdpLogout {
    fn from(text: IdpLogoutText) -> Self {
        match text {
            IdpLogoutText::Act => Self::Act,
            IdpLogoutText::Confirm => Self::Confirm,
        }
    }
}
