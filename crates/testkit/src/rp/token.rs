//! Checks tokens the way an application must, written against the specifications and not against Acquit's own code.

use jsonwebtoken::{DecodingKey, Header, Validation, decode, decode_header, errors::Error};
use serde_json::{Map, Value};

use super::Issuer;

/// The member of `events` that makes a token a logout token (BC-9).
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How far clocks may be apart, in seconds.
const SKEW: i64 = 10;

/// A logout token that keeps every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// Whose session, if it says.
    pub sub: Option<String>,
    /// Which session.
    pub sid: Option<String>,
    /// Its id.
    pub jti: String,
    /// Until when it is good, in seconds.
    pub exp: i64,
    /// From when, in seconds.
    pub iat: i64,
    /// The key that signed it.
    pub kid: String,
}

/// Checks the signature and gives header and claims.
///
/// # Errors
/// What is wrong.
pub async fn verified(token: &str, issuer: &Issuer, alg: &str) -> Result<(Header, Map<String, Value>), String> {
    let broken = |error: Error| format!("{error}");
    let header = decode_header(token).map_err(broken)?;
    if format!("{:?}", header.alg) != alg.replace("EdDSA", "EdDSA") {
        return Err(format!("signed by {:?}, registered {alg}", header.alg));
    }
    let kid = header.kid.clone().ok_or("no kid")?;
    let key = DecodingKey::from_jwk(&issuer.key(&kid).await?).map_err(broken)?;
    let mut validation = Validation::new(header.alg);
    // The claims are checked one by one against the issuer's clock.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = decode::<Map<String, Value>>(token, &key, &validation).map_err(broken)?.claims;
    Ok((header, claims))
}

fn text(claims: &Map<String, Value>, name: &str) -> Result<String, String> {
    claims.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("no {name}"))
}

fn number(claims: &Map<String, Value>, name: &str) -> Result<i64, String> {
    claims.get(name).and_then(Value::as_i64).ok_or_else(|| format!("no {name}"))
}

fn check_audience(claims: &Map<String, Value>, client: &str) -> Result<(), String> {
    let is_ours = match claims.get("aud") {
        Some(Value::String(audience)) => audience == client,
        Some(Value::Array(audiences)) => audiences.len() == 1 && audiences[0] == client,
        _ => false,
    };
    if is_ours { Ok(()) } else { Err(format!("for {:?}", claims.get("aud"))) }
}

/// Checks a logout token: signature, header, and that it has exactly the claims that it must, no other (BC-7 to BC-14).
///
/// # Errors
/// The first rule that it breaks.
pub async fn logout_token(token: &str, issuer: &Issuer, client: &str, alg: &str) -> Result<LogoutToken, String> {
    let (header, claims) = verified(token, issuer, alg).await?;
    if header.typ.as_deref() != Some("logout+jwt") {
        return Err(format!("typ is {:?} (BC-14)", header.typ));
    }
    let known = ["iss", "aud", "iat", "exp", "jti", "events", "sub", "sid"];
    if let Some(name) = claims.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("a claim {name} that no rule knows (BC-7 to BC-10)"));
    }
    if text(&claims, "iss")? != issuer.url() {
        return Err("of another issuer (BC-23)".to_owned());
    }
    check_audience(&claims, client)?;
    let (iat, exp, now) = (number(&claims, "iat")?, number(&claims, "exp")?, issuer.now());
    if exp <= now - SKEW || iat > now + SKEW {
        return Err(format!("from {iat} to {exp}, and it is {now} (BC-23)"));
    }
    if exp - iat > 120 || exp <= iat {
        return Err(format!("lives for {} s (BC-35)", exp - iat));
    }
    let events = claims.get("events").cloned().unwrap_or_default();
    if events != serde_json::json!({ EVENT: {} }) {
        return Err(format!("events are {events} (BC-9)"));
    }
    let (sub, sid) = (text(&claims, "sub").ok(), text(&claims, "sid").ok());
    if sub.is_none() && sid.is_none() {
        return Err("names nobody (BC-8)".to_owned());
    }
    let kid = header.kid.unwrap_or_default();
    Ok(LogoutToken { sub, sid, jti: text(&claims, "jti")?, exp, iat, kid })
}

/// Checks an ID token (OpenID Connect Core section 3.1.3.7) and gives its claims.
///
/// # Errors
/// The first rule that it breaks.
pub async fn id_token(
    token: &str,
    issuer: &Issuer,
    client: &str,
    alg: &str,
    nonce: &str,
) -> Result<Map<String, Value>, String> {
    let (_, claims) = verified(token, issuer, alg).await?;
    if text(&claims, "iss")? != issuer.url() {
        return Err("of another issuer".to_owned());
    }
    check_audience(&claims, client)?;
    let (iat, exp, now) = (number(&claims, "iat")?, number(&claims, "exp")?, issuer.now());
    if exp <= now - SKEW || iat > now + SKEW {
        return Err(format!("from {iat} to {exp}, and it is {now}"));
    }
    if text(&claims, "nonce")? != nonce {
        return Err("another nonce".to_owned());
    }
    text(&claims, "sub")?;
    Ok(claims)
}
