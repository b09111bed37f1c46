//! What a request to `/sso/authorize` asks for. Lists and maps come in every encoding that the SDKs send.

use acquit_oidc::params::{BadParam, MAX_TOTAL, Params, ParamsError};
use serde_json::Value;

use super::trip::Wishes;

const SCOPES: &str = "provider_scopes";
const QUERY: &str = "provider_query_params";
/// The most scopes and the most parameters of a provider's own.
const MAX_LIST: usize = 32;

/// How the connection is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// By its id.
    Connection(String),
    /// The one of an organization.
    Organization(String),
    /// By the type of connection.
    Provider(String),
    /// By a mail domain of an organization. Deprecated there; taken here.
    Domain(String),
}

/// A request, read.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Everything but lists and maps.
    pub params: Params,
    /// What is wanted of the provider.
    pub wishes: Wishes,
}

/// Why a request cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// As everywhere.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// One parameter is wrong.
    #[error(transparent)]
    Bad(#[from] BadParam),
}

impl Asked {
    /// Reads a query.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(query: &str) -> Result<Self, Unreadable> {
        if query.len() > MAX_TOTAL {
            return Err(ParamsError::TooLarge.into());
        }
        let (mut plain, mut scopes, mut free) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            if name == SCOPES || bracketed(&name, SCOPES).is_some() {
                scopes.extend(list(&value));
            } else if name == QUERY {
                free.extend(map(&value).ok_or(BadParam { name: QUERY, why: "is no map" })?);
            } else if let Some(key) = bracketed(&name, QUERY) {
                free.push((key.to_owned(), value));
            } else {
                plain.push((name, value));
            }
            if scopes.len() > MAX_LIST || free.len() > MAX_LIST {
                return Err(
                    BadParam { name: if free.len() > MAX_LIST { QUERY } else { SCOPES }, why: "is too long" }.into()
                );
            }
        }
        let params = Params::from_pairs(plain)?;
        let wishes = Wishes {
            prompt: params.owned("prompt"),
            login_hint: params.owned("login_hint"),
            domain_hint: params.owned("domain_hint"),
            scopes: (!scopes.is_empty()).then_some(scopes),
            free,
        };
        Ok(Self { params, wishes })
    }

    /// How the connection is chosen.
    ///
    /// # Errors
    /// [`BadParam`] unless exactly one way is given.
    pub fn selector(&self) -> Result<Selector, BadParam> {
        type Way = fn(String) -> Selector;
        // `connection_id` and `organization_id` are what one SDK's helper sends.
        let ways: [(&str, Way); 6] = [
            ("connection", Selector::Connection),
            ("connection_id", Selector::Connection),
            ("organization", Selector::Organization),
            ("organization_id", Selector::Organization),
            ("provider", Selector::Provider),
            ("domain", Selector::Domain),
        ];
        let mut given = ways.into_iter().filter_map(|(name, way)| self.params.owned(name).map(way));
        match (given.next(), given.next()) {
            (Some(selector), None) => Ok(selector),
            _ => {
                Err(BadParam { name: "connection", why: "or `organization` or `provider` must be given, and only one" })
            }
        }
    }
}

/// The key in `name[key]`.
fn bracketed<'a>(name: &'a str, of: &str) -> Option<&'a str> {
    name.strip_prefix(of)?.strip_prefix('[')?.strip_suffix(']')
}

/// The entries of `a,b`, of `a b`, and of a list as Python prints it: `['a', 'b']`.
fn list(text: &str) -> Vec<String> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let entries = inner.split([',', ' ']).map(|entry| entry.trim().trim_matches(['\'', '"']));
    entries.filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

/// The pairs of a JSON object, or of a map as Python prints it: `{'hd': 'a.b'}`.
fn map(text: &str) -> Option<Vec<(String, String)>> {
    let object: serde_json::Map<String, Value> =
        serde_json::from_str(text).or_else(|_| serde_json::from_str(&as_json(text)?).map_err(|_| ())).ok()?;
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    object.into_iter().map(|(name, value)| Some((name, text(value)?))).collect()
}

/// A map as Python prints it, as JSON: each text is in single quotes, or in double ones where it has a single one.
fn as_json(text: &str) -> Result<String, ()> {
    let mut json = String::with_capacity(text.len() + 8);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\'' && letter != '"' {
            json.push(letter);
            continue;
        }
        let mut inner = String::new();
        loop {
            match letters.next().ok_or(())? {
                end if end == letter => break,
                '\\' => match letters.next().ok_or(())? {
                    quoted @ ('\'' | '"' | '\\') => inner.push(quoted),
                    _ => return Err(()),
                },
                other => inner.push(other),
            }
        }
        json.push_str(&Value::String(inner).to_string());
    }
    Ok(json.replace(": True", ": true").replace(": False", ": false"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(query: &str) -> Wishes {
        Asked::read(query).unwrap().wishes
    }

    #[test]
    fn scopes_are_read_as_every_sdk_sends_them() {
        for query in [
            "provider_scopes=openid,email",
            "provider_scopes=openid%2Cemail",
            "provider_scopes=openid+email",
            "provider_scopes=openid&provider_scopes=email",
            "provider_scopes%5B0%5D=openid&provider_scopes%5B1%5D=email",
            "provider_scopes[]=openid&provider_scopes[]=email",
            "provider_scopes=%5B%27openid%27%2C+%27email%27%5D",
        ] {
            assert_eq!(wishes(query).scopes.unwrap(), ["openid", "email"], "{query}");
        }
        assert_eq!(wishes("state=a").scopes, None);
    }

    #[test]
    fn a_providers_own_parameters_are_read_as_every_sdk_sends_them() {
        let expected = [("hd".to_owned(), "a.b".to_owned())];
        for query in [
            "provider_query_params%5Bhd%5D=a.b",
            "provider_query_params={\"hd\":\"a.b\"}",
            "provider_query_params=%7B%27hd%27%3A+%27a.b%27%7D",
        ] {
            assert_eq!(wishes(query).free, expected, "{query}");
        }
        let odd = wishes("provider_query_params=%7B%27a%27%3A+%22it%27s%22%2C+%27b%27%3A+1%2C+%27c%27%3A+True%7D").free;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(odd, [pair("a", "it's"), pair("b", "1"), pair("c", "true")]);
        for wrong in ["x", "%7B%27a", "[1]", "{\"a\":{}}", "%7B%27a%27:%27%5Cx41%27%7D"] {
            assert!(Asked::read(&format!("provider_query_params={wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_without_end_is_refused() {
        let many = "provider_scopes=a&".repeat(MAX_LIST + 1);
        assert!(Asked::read(&many).is_err());
        assert!(Asked::read(&"provider_query_params[a]=b&".repeat(MAX_LIST + 1)).is_err());
        assert!(Asked::read(&format!("provider_scopes={}", "a,".repeat(MAX_TOTAL))).is_err());
    }

    #[test]
    fn a_connection_is_chosen_in_exactly_one_way() {
        let selector = |query: &str| Asked::read(query).unwrap().selector();
        assert_eq!(selector("connection=conn_1"), Ok(Selector::Connection("conn_1".to_owned())));
        assert_eq!(selector("connection_id=conn_1"), Ok(Selector::Connection("conn_1".to_owned())));
        assert_eq!(selector("organization_id=org_1"), Ok(Selector::Organization("org_1".to_owned())));
        assert_eq!(selector("provider=GoogleOAuth"), Ok(Selector::Provider("GoogleOAuth".to_owned())));
        assert!(selector("").is_err());
        assert!(selector("connection=conn_1&organization=org_1").is_err());
        assert!(Asked::read("connection=a&connection=b").is_err(), "no parameter but the lists comes twice");
    }
}
