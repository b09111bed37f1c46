//! The `claims` parameter (OpenID Connect Core section 5.5).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::params::BadParam;

/// The most claims in one member, and the most values of one claim.
const MAX_CLAIMS: usize = 64;

/// The `claims` parameter, as far as it means something. Members and claims that are not understood are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// Claims for the ID token.
    pub id_token: Vec<RequestedClaim>,
    /// Claims for the userinfo endpoint.
    pub userinfo: Vec<RequestedClaim>,
}

/// One claim that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedClaim {
    /// Its name.
    pub name: String,
    /// Without it the sign-in is of no use to the client.
    pub essential: bool,
    /// The texts that it may have; any when empty.
    pub values: Vec<String>,
}

impl ClaimsRequest {
    /// Reads the parameter.
    ///
    /// # Errors
    /// [`BadParam`] when it is not JSON of the form that section 5.5 gives it, or too large.
    pub fn parse(text: Option<&str>) -> Result<Self, BadParam> {
        let bad = |why| BadParam { name: "claims", why };
        let Some(text) = text else { return Ok(Self::default()) };
        let Ok(Value::Object(members)) = serde_json::from_str(text) else {
            return Err(bad("is not a JSON object"));
        };
        let member = |name| match members.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Object(claims)) if claims.len() <= MAX_CLAIMS => claims
                .iter()
                .map(|(name, wish)| one(name, wish))
                .collect::<Option<_>>()
                .ok_or_else(|| bad("asks for a claim with something that is neither null nor an object")),
            Some(Value::Object(_)) => Err(bad("asks for too many claims")),
            Some(_) => Err(bad("has a member that is no object")),
        };
        Ok(Self { id_token: member("id_token")?, userinfo: member("userinfo")? })
    }

    /// The `acr` that the client cannot do without, if it said so: one of these.
    #[must_use]
    pub fn essential_acr(&self) -> Option<&[String]> {
        let acr = self.id_token.iter().find(|claim| claim.name == "acr" && claim.essential)?;
        (!acr.values.is_empty()).then_some(&acr.values)
    }

    /// The one user that the client wants (`sub` with a value).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        let sub = self.id_token.iter().find(|claim| claim.name == "sub")?;
        sub.values.first().map(String::as_str)
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.id_token.is_empty() && self.userinfo.is_empty()
    }
}

fn one(name: &str, wish: &Value) -> Option<RequestedClaim> {
    let empty = Map::new();
    let wish = match wish {
        Value::Null => &empty,
        Value::Object(wish) => wish,
        _ => return None,
    };
    let mut values: Vec<String> = Vec::new();
    if let Some(value) = wish.get("value") {
        values.extend(value.as_str().map(str::to_owned));
    }
    if let Some(Value::Array(list)) = wish.get("values") {
        values.extend(list.iter().take(MAX_CLAIMS).filter_map(|value| value.as_str().map(str::to_owned)));
    }
    let essential = wish.get("essential").and_then(Value::as_bool).unwrap_or(false);
    Some(RequestedClaim { name: name.to_owned(), essential, values })
}
