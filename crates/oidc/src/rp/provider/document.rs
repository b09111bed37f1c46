//! Reading a discovery document, member by member.

use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::{Expected, MAX_ENTRY, MAX_LIST, Provider, ProviderError, check_issuer, discovery_url};
use crate::uri::{self, InvalidUri, Purpose};

/// An object in which nothing is said twice: two readers would believe two different things.
struct Once(Map<String, Value>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Once;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut access: A) -> Result<Once, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if map.insert(name, value).is_some() {
                        return Err(serde::de::Error::custom("a member comes twice"));
                    }
                }
                Ok(Once(map))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

pub(super) struct Document(Map<String, Value>);

impl Document {
    pub(super) fn read(json: &[u8]) -> Result<Self, ProviderError> {
        let Once(map) = serde_json::from_slice(json).map_err(|_| ProviderError::Malformed)?;
        Ok(Self(map))
    }

    pub(super) fn provider(&self, expected: Expected<'_>) -> Result<Provider, ProviderError> {
        let issuer = self.text("issuer").ok_or(ProviderError::Missing("issuer"))?;
        let home = check_issuer(issuer)?;
        let same = match expected {
            Expected::Issuer(expected) => issuer == expected,
            Expected::At(address) => discovery_url(issuer)? == address,
        };
        if !same {
            return Err(ProviderError::AnotherIssuer);
        }
        let at = |name| self.endpoint(&home, name);
        let must = |name| at(name)?.ok_or(ProviderError::Missing(name));
        if self.0.contains_key("response_types_supported")
            && !self.list("response_types_supported").iter().any(|kind| kind == "code")
        {
            return Err(ProviderError::NoCode);
        }
        Ok(Provider {
            issuer: issuer.to_owned(),
            authorization_endpoint: must("authorization_endpoint")?,
            token_endpoint: must("token_endpoint")?,
            jwks_uri: must("jwks_uri")?,
            userinfo_endpoint: at("userinfo_endpoint")?,
            end_session_endpoint: at("end_session_endpoint")?,
            revocation_endpoint: at("revocation_endpoint")?,
            scopes: self.list("scopes_supported"),
            response_modes: self.list_or("response_modes_supported", &["query", "fragment"]),
            grant_types: self.list("grant_types_supported"),
            id_token_algs: self.list_or("id_token_signing_alg_values_supported", &["RS256"]),
            token_auth_methods: self.list_or("token_endpoint_auth_methods_supported", &["client_secret_basic"]),
            token_auth_algs: self.list("token_endpoint_auth_signing_alg_values_supported"),
            revocation_auth_methods: self
                .list_or("revocation_endpoint_auth_methods_supported", &["client_secret_basic"]),
            pkce_methods: self.list("code_challenge_methods_supported"),
            prompt_values: self.list("prompt_values_supported"),
            acr_values: self.list("acr_values_supported"),
            sends_iss: self.flag("authorization_response_iss_parameter_supported"),
            backchannel_logout: self.flag("backchannel_logout_supported"),
            backchannel_logout_session: self.flag("backchannel_logout_session_supported"),
            frontchannel_logout: self.flag("frontchannel_logout_supported"),
            frontchannel_logout_session: self.flag("frontchannel_logout_session_supported"),
        })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// An endpoint. One that is there and is not usable is an error even where it is optional: to pass over a broken
    /// `revocation_endpoint` in silence would leave tokens alive that its owner believes to be revoked.
    fn endpoint(&self, home: &Url, name: &'static str) -> Result<Option<String>, ProviderError> {
        let text = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text,
            Some(_) => return Err(ProviderError::BadEndpoint { name, why: InvalidUri::NotAbsolute }),
        };
        let url = uri::check(text, Purpose::Http).map_err(|why| ProviderError::BadEndpoint { name, why })?;
        if uri::is_loopback(&url) && !uri::is_loopback(home) {
            return Err(ProviderError::Loopback(name));
        }
        Ok(Some(text.clone()))
    }

    /// A list of texts; what is no text, or too long, is passed over.
    fn list(&self, name: &str) -> Vec<String> {
        let list = self.0.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let texts = list.iter().take(MAX_LIST).filter_map(Value::as_str);
        texts.filter(|text| !text.is_empty() && text.len() <= MAX_ENTRY).map(str::to_owned).collect()
    }

    fn list_or(&self, name: &str, default: &[&str]) -> Vec<String> {
        if self.0.contains_key(name) {
            self.list(name)
        } else {
            default.iter().map(|&entry| entry.to_owned()).collect()
        }
    }

    fn flag(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }
}
