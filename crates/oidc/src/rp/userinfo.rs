//! The answer of the userinfo endpoint (OpenID Connect Core section 5.3).

use serde_json::{Map, Value};

use crate::jose::IdToken;

/// The longest answer that is read, in bytes.
pub const MAX_ANSWER: usize = 256 * 1024;

/// Claims that are about a token and not about a person: never taken from here.
const OF_TOKENS: [&str; 17] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "jti",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "sid",
    "at_hash",
    "c_hash",
    "s_hash",
    "events",
];

/// Why nothing more is learned of somebody. Who signed in is known without it; the caller decides whether that is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserinfoError {
    /// Not 200.
    #[error("the userinfo endpoint answered {0}")]
    Status(u16),
    /// A signed or encrypted answer, or none in JSON at all: the connection's owner must have it turned off there.
    #[error("the userinfo answer is not application/json")]
    ContentType,
    /// Longer than [`MAX_ANSWER`].
    #[error("the userinfo answer is longer than {MAX_ANSWER} bytes")]
    TooLarge,
    /// No JSON object.
    #[error("the userinfo answer is not a JSON object")]
    Malformed,
    /// It is about somebody else than the ID token (section 5.3.2), or does not say about whom: the access token may have
    /// been exchanged for another's.
    #[error("the userinfo answer is about another user")]
    Subject,
}

/// Reads an answer about the user of `token`.
///
/// # Errors
/// [`UserinfoError`]
pub fn answer(
    status: u16,
    content_type: Option<&str>,
    body: &[u8],
    token: &IdToken,
) -> Result<Map<String, Value>, UserinfoError> {
    if status != 200 {
        return Err(UserinfoError::Status(status));
    }
    let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(UserinfoError::ContentType);
    }
    if body.len() > MAX_ANSWER {
        return Err(UserinfoError::TooLarge);
    }
    let claims: Map<String, Value> = serde_json::from_slice(body).map_err(|_| UserinfoError::Malformed)?;
    match claims.get("sub") {
        Some(Value::String(subject)) if *subject == token.subject => Ok(claims),
        _ => Err(UserinfoError::Subject),
    }
}

/// What is known of a person: what the ID token says, which is signed, and what only the userinfo answer says.
#[must_use]
pub fn together(token: &IdToken, userinfo: Map<String, Value>) -> Map<String, Value> {
    let mut claims = token.others.clone();
    for (name, value) in userinfo {
        if !OF_TOKENS.contains(&name.as_str()) && claims.get(&name).is_none_or(Value::is_null) {
            claims.insert(name, value);
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use acquit_core::Timestamp;
    use serde_json::json;

    use super::*;

    fn token() -> IdToken {
        IdToken {
            subject: "u-1".into(),
            sid: None,
            issued_at: Timestamp::from_seconds(0),
            expires_at: Timestamp::from_seconds(0),
            auth_time: None,
            acr: None,
            nonce: None,
            others: json!({"email": "signed@a.example", "name": null}).as_object().unwrap().clone(),
        }
    }

    fn read(content_type: &str, body: &str) -> Result<Map<String, Value>, UserinfoError> {
        answer(200, Some(content_type), body.as_bytes(), &token())
    }

    #[test]
    fn an_answer_about_the_same_user_is_read() {
        for kind in ["application/json", "Application/JSON; charset=utf-8"] {
            assert_eq!(read(kind, r#"{"sub":"u-1","name":"Zoë"}"#).unwrap()["name"], "Zoë");
        }
    }

    #[test]
    fn an_answer_about_somebody_else_or_nobody_is_refused() {
        for body in [r#"{"sub":"u-2"}"#, r#"{"sub":"U-1"}"#, r#"{"sub":["u-1"]}"#, r#"{"name":"x"}"#, "{}"] {
            assert_eq!(read("application/json", body), Err(UserinfoError::Subject), "{body}");
        }
    }

    #[test]
    fn what_is_no_plain_answer_is_refused() {
        assert_eq!(read("application/jwt", "a.b.c"), Err(UserinfoError::ContentType));
        assert_eq!(read("text/html", "{}"), Err(UserinfoError::ContentType));
        assert_eq!(answer(200, None, b"{}", &token()), Err(UserinfoError::ContentType));
        assert_eq!(answer(401, Some("application/json"), b"{}", &token()), Err(UserinfoError::Status(401)));
        for body in ["", "[]", "null", "<html>", "{\"sub\":"] {
            assert_eq!(read("application/json", body), Err(UserinfoError::Malformed), "{body}");
        }
        assert_eq!(read("application/json", &" ".repeat(MAX_ANSWER + 1)), Err(UserinfoError::TooLarge));
    }

    #[test]
    fn what_is_signed_wins_and_nothing_about_tokens_is_taken() {
        let body = json!({"sub": "u-1", "email": "other@a.example", "name": "Zoë", "sid": "stolen", "acr": "three"});
        let userinfo = read("application/json", &body.to_string()).unwrap();
        let together = Value::Object(together(&token(), userinfo));
        assert_eq!(together, json!({"email": "signed@a.example", "name": "Zoë"}));
    }
}
