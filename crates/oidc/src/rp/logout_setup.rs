//! What a provider can do for a logout, and what has to be registered there for it: in words for people, and as data.
//!
//! What it can do comes from its discovery document, which is its own account; whether its endpoints answer, only trying
//! shows. What is to be registered are our URLs for one connection.

use serde::Serialize;

use super::provider::{Abilities, Provider, Tells};

/// The logouts of one provider, as it serializes for `acquit doctor idp --json` and for the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogoutSetup {
    /// The provider, to the letter.
    pub issuer: String,
    /// What it can do, always all of them and in this order.
    pub abilities: [Ability; 5],
    /// What to register there; empty while no connection is known.
    pub register: Vec<Registration>,
}

/// One thing that a provider can do or cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ability {
    /// Which.
    pub name: AbilityName,
    /// Whether it can, by its own account.
    pub able: bool,
    /// Whether it names the session when it tells us of a logout; absent where nothing is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names_session: Option<bool>,
    /// The endpoint there that is used for it, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// What that means, as one sentence.
    pub words: &'static str,
}

/// The abilities that count for a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AbilityName {
    /// The browser is sent there to sign out (RP-Initiated Logout 1.0).
    EndSession,
    /// Tokens are given back from server to server (RFC 7009).
    Revocation,
    /// It tells our server (Back-Channel Logout 1.0).
    BackchannelLogout,
    /// It tells us through the browser (Front-Channel Logout 1.0).
    FrontchannelLogout,
    /// It can be asked again and again whether somebody is still welcome there, by a refresh token.
    Revalidation,
}

/// The path of the callback that connections may share whose providers say who answers (RFC 9207).
pub const SHARED_CALLBACK: &str = "/sso/oidc/callback";

/// Our URLs for one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurUrls {
    /// Where browsers come back with a code.
    pub callback: String,
    /// Where browsers come back from the end of their session there; the same for all connections.
    pub post_logout: String,
    /// Where logout tokens are taken.
    pub backchannel: String,
    /// Where browsers come from a logout there, in a frame with `iss` and `sid` or at the top without.
    pub idp_logout: String,
}

impl OurUrls {
    /// Those of the connection with this key, under our issuer without a slash at its end.
    #[must_use]
    pub fn of(issuer: &str, external_key: &str) -> Self {
        Self {
            callback: format!("{issuer}/sso/oidc/{external_key}/callback"),
            post_logout: format!("{issuer}/sso/oidc/logout-callback"),
            backchannel: format!("{issuer}/sso/oidc/backchannel-logout/{external_key}"),
            idp_logout: format!("{issuer}/sso/oidc/idp-logout/{external_key}"),
        }
    }

    /// The same for a connection that shares its callback with others: under our issuer without a slash at its end.
    #[must_use]
    pub fn sharing_callback(self, issuer: &str) -> Self {
        Self { callback: format!("{issuer}{SHARED_CALLBACK}"), ..self }
    }
}

/// Something to register at the provider, under the name that its registration has for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Registration {
    /// `redirect_uris`, `post_logout_redirect_uris`, `backchannel_logout_uri`, `frontchannel_logout_uri`, or `idp_logout`,
    /// for which no registration has a name.
    pub name: &'static str,
    /// The URL, to the letter.
    pub url: String,
    /// Whether the provider can make use of it, by its own account.
    pub useful: bool,
    /// What the provider may add to it, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<&'static str>,
    /// The setting beside it that has the session named; to be `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_setting: Option<&'static str>,
    /// What it is for, as one sentence.
    pub words: &'static str,
}

impl LogoutSetup {
    /// What a provider can do; nothing to register yet.
    #[must_use]
    pub fn of(provider: &Provider) -> Self {
        let abilities = provider.abilities();
        let words = abilities.sentences();
        let endpoint = |endpoint: &Option<String>| endpoint.clone();
        let of = |name, able, names_session, endpoint, words| Ability { name, able, names_session, endpoint, words };
        Self {
            issuer: provider.issuer.clone(),
            abilities: [
                of(
                    AbilityName::EndSession,
                    abilities.rp_initiated,
                    None,
                    endpoint(&provider.end_session_endpoint),
                    words[0],
                ),
                of(
                    AbilityName::Revocation,
                    abilities.revocation,
                    None,
                    endpoint(&provider.revocation_endpoint),
                    words[1],
                ),
                told(AbilityName::BackchannelLogout, abilities.back_channel, words[2]),
                told(AbilityName::FrontchannelLogout, abilities.front_channel, words[3]),
                of(AbilityName::Revalidation, abilities.revalidation, None, None, words[4]),
            ],
            register: Vec::new(),
        }
    }

    /// The same, with what to register there for one connection.
    #[must_use]
    pub fn for_connection(provider: &Provider, ours: &OurUrls) -> Self {
        Self { register: registrations(provider.abilities(), ours), ..Self::of(provider) }
    }

    /// Whether it can do this.
    #[must_use]
    pub fn can(&self, name: AbilityName) -> bool {
        self.abilities.iter().any(|ability| ability.name == name && ability.able)
    }

    /// Whether a logout here can end the session there.
    #[must_use]
    pub fn reaches_provider(&self) -> bool {
        self.can(AbilityName::EndSession)
    }

    /// Whether a logout there reaches us when it happens, by one channel at least.
    #[must_use]
    pub fn reaches_us(&self) -> bool {
        self.can(AbilityName::BackchannelLogout) || self.can(AbilityName::FrontchannelLogout)
    }

    /// What is lacking and what may be done about it, in sentences; none when a logout goes both ways.
    #[must_use]
    pub fn advice(&self) -> Vec<&'static str> {
        let mut advice = Vec::new();
        if !self.reaches_provider() && self.can(AbilityName::Revocation) {
            advice.push("A sign-out here revokes the tokens only: the next sign-in there may ask for no password.");
        } else if !self.reaches_provider() {
            advice.push("A sign-out here leaves the session there alone: the next sign-in may ask for no password.");
        }
        if !self.can(AbilityName::BackchannelLogout) {
            advice.push(if self.can(AbilityName::Revalidation) {
                "It does not tell our server of logouts: set `revalidate`, so that whoever leaves is out within minutes."
            } else {
                "It does not tell our server of logouts, and cannot be asked: only its browser, sent to idp-logout, can end \
                 a session here."
            });
        }
        advice
    }
}

fn told(name: AbilityName, tells: Tells, words: &'static str) -> Ability {
    let (able, names_session) = match tells {
        Tells::No => (false, None),
        Tells::WithoutSession => (true, Some(false)),
        Tells::WithSession => (true, Some(true)),
    };
    Ability { name, able, names_session, endpoint: None, words }
}

fn registrations(abilities: Abilities, ours: &OurUrls) -> Vec<Registration> {
    let plain = |name, url: &str, useful, words| Registration {
        name,
        url: url.to_owned(),
        useful,
        with: None,
        session_setting: None,
        words,
    };
    vec![
        plain("redirect_uris", &ours.callback, true, "Browsers come back here with a code after a sign-in there."),
        plain(
            "post_logout_redirect_uris",
            &ours.post_logout,
            abilities.rp_initiated,
            "Browsers come back here from the end of their session there. It is the same for all connections.",
        ),
        Registration {
            session_setting: Some("backchannel_logout_session_required"),
            ..plain(
                "backchannel_logout_uri",
                &ours.backchannel,
                abilities.back_channel != Tells::No,
                "Its logout tokens are taken here.",
            )
        },
        Registration {
            with: Some("iss and sid"),
            session_setting: Some("frontchannel_logout_session_required"),
            ..plain(
                "frontchannel_logout_uri",
                &ours.idp_logout,
                abilities.front_channel != Tells::No,
                "It may frame this when somebody signs out there; in a frame it has to name the session by iss and sid.",
            )
        },
        plain(
            "idp_logout",
            &ours.idp_logout,
            true,
            "Where its own sign-out may send the browser: without iss and sid this ends the session of this connection in \
             that browser, and the browser goes on to the application's logout_uri.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rp::provider::{Expected, tests::document, tests::provider};

    fn ours() -> OurUrls {
        OurUrls::of("https://id.example.com", "k3y")
    }

    #[test]
    fn a_setup_names_every_ability_with_its_endpoint_and_every_url_to_register() {
        let setup = LogoutSetup::for_connection(&provider(), &ours());
        assert!(setup.reaches_provider() && setup.reaches_us());
        assert!(setup.advice().is_empty());
        let shown = serde_json::to_value(&setup).unwrap();
        let names: Vec<_> = shown["abilities"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
        assert_eq!(names, ["end_session", "revocation", "backchannel_logout", "frontchannel_logout", "revalidation"]);
        assert_eq!(shown["abilities"][0]["endpoint"], "https://login.example.org/tenant/logout");
        assert_eq!(shown["abilities"][2]["names_session"], true);
        assert!(shown["abilities"][3].get("names_session").is_none());
        let urls: Vec<_> = setup.register.iter().map(|one| (one.name, one.url.as_str(), one.useful)).collect();
        assert_eq!(
            urls,
            [
                ("redirect_uris", "https://id.example.com/sso/oidc/k3y/callback", true),
                ("post_logout_redirect_uris", "https://id.example.com/sso/oidc/logout-callback", true),
                ("backchannel_logout_uri", "https://id.example.com/sso/oidc/backchannel-logout/k3y", true),
                ("frontchannel_logout_uri", "https://id.example.com/sso/oidc/idp-logout/k3y", false),
                ("idp_logout", "https://id.example.com/sso/oidc/idp-logout/k3y", true),
            ]
        );
        assert_eq!(LogoutSetup::of(&provider()).register, []);
    }

    #[test]
    fn what_a_provider_lacks_is_said_with_what_to_do_about_it() {
        let mut document = document();
        for name in ["end_session_endpoint", "revocation_endpoint", "backchannel_logout_supported"] {
            document.as_object_mut().unwrap().remove(name);
        }
        let read = |document: &serde_json::Value| {
            let issuer = document["issuer"].as_str().unwrap();
            LogoutSetup::of(&Provider::parse(document.to_string().as_bytes(), Expected::Issuer(issuer)).unwrap())
        };
        let bare = read(&document);
        assert!(!bare.reaches_provider() && !bare.reaches_us());
        assert!(bare.advice()[0].contains("may ask for no password"));
        assert!(bare.advice()[1].contains("`revalidate`"));
        document["revocation_endpoint"] = json!("https://login.example.org/tenant/revoke");
        document["grant_types_supported"] = json!(["authorization_code"]);
        document["frontchannel_logout_supported"] = json!(true);
        let more = read(&document);
        assert!(more.reaches_us() && more.advice()[0].contains("revokes the tokens only"));
        assert!(more.advice()[1].contains("cannot be asked"));
        assert_eq!(more.abilities[3].names_session, Some(false));
    }
}
