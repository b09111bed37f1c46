//! The token request and its answer (RFC 6749 sections 4.1.3, 5 and 6; OpenID Connect Core sections 3.1.3 and 12).

use std::{fmt, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    client::{ClientAuth, Post, RequestError, RpClient},
    failure::Failure,
    provider::Provider,
};
use crate::error::ErrorCode;

/// The longest answer that is read, in bytes.
pub const MAX_ANSWER: usize = 256 * 1024;
/// The longest access or refresh token, in bytes.
pub const MAX_TOKEN: usize = 16 * 1024;
/// The longest ID token, in bytes.
pub const MAX_ID_TOKEN: usize = crate::jose::id_token::verify::MAX_ID_TOKEN;
/// The longest `scope`, in bytes.
pub const MAX_SCOPE: usize = 4096;
/// The longest life of an access token that is believed.
pub const MAX_LIFE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// What is given for tokens.
#[derive(Clone, Copy)]
pub enum Grant<'a> {
    /// A code from a callback.
    Code {
        /// The code.
        code: &'a str,
        /// The PKCE verifier of the request.
        verifier: &'a str,
        /// The `redirect_uri` of the request.
        redirect_uri: &'a str,
    },
    /// A refresh token.
    Refresh {
        /// The token.
        refresh_token: &'a str,
    },
}

/// The kind only.
impl fmt::Debug for Grant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code { .. } => "authorization_code",
            Self::Refresh { .. } => "refresh_token",
        })
    }
}

/// The token request. An assertion of our secret goes only where the provider says that it takes one: whoever has it can try
/// secrets on it at leisure.
///
/// # Errors
/// [`RequestError`].
pub fn request(provider: &Provider, client: &RpClient<'_>, grant: Grant<'_>) -> Result<Post, RequestError> {
    if matches!(client.auth, ClientAuth::SecretJwt { .. }) && !provider.takes_secret_jwt() {
        return Err(RequestError::SecretJwt);
    }
    let fields: &[(&str, &str)] = match grant {
        Grant::Code { code, verifier, redirect_uri } => &[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ],
        Grant::Refresh { refresh_token } => &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)],
    };
    Ok(client.post(&provider.issuer, &provider.token_endpoint, fields)?)
}

/// The tokens of an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// For the userinfo endpoint.
    pub access_token: Zeroizing<String>,
    /// How long it is good from now, where the provider says so.
    pub expires_in: Option<Duration>,
    /// For revalidation. After a refresh: the new one, where the old one is used up; else the old one stays good.
    pub refresh_token: Option<Zeroizing<String>>,
    /// Who signed in, not yet checked.
    pub id_token: Option<Zeroizing<String>>,
    /// What was granted, where it is not what was asked for.
    pub scope: Option<Vec<String>>,
}

impl Tokens {
    /// The ID token, without which a code proves nothing about anybody (Core section 3.1.3.3).
    ///
    /// # Errors
    /// [`TokenError::Malformed`]
    pub fn id_token(&self) -> Result<&str, TokenError> {
        self.id_token.as_ref().map(|token| token.as_str()).ok_or(TokenError::Malformed("has no id_token"))
    }

    /// The `Authorization` header for the userinfo endpoint.
    #[must_use]
    pub fn bearer(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Bearer {}", *self.access_token))
    }
}

/// Which there are, not what they are.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("expires_in", &self.expires_in)
            .field("refresh_token", &self.refresh_token.is_some())
            .field("id_token", &self.id_token.is_some())
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// Why there are no tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The provider refuses. Whether the person, the connection's owner or nobody must act, the code says.
    #[error("the provider answered {0}")]
    Refused(Failure),
    /// The provider cannot answer now (408, 425, 429, 5xx): it says nothing about the person; try again later.
    #[error("the provider answered {status}")]
    Unavailable {
        /// Its status.
        status: u16,
    },
    /// A status that means nothing here; redirects are never followed. The connection's owner must look at the endpoint.
    #[error("the provider answered {status}, which means nothing here")]
    Status {
        /// Its status.
        status: u16,
    },
    /// Longer than [`MAX_ANSWER`].
    #[error("the provider's answer is longer than {MAX_ANSWER} bytes")]
    TooLarge,
    /// No token answer; the provider is at fault.
    #[error("the provider's answer {0}")]
    Malformed(&'static str),
    /// Tokens that may not be used by whoever bears them: we can prove nothing more.
    #[error("the provider's tokens are not bearer tokens")]
    TokenType,
}

impl TokenError {
    /// Whether the code or refresh token is no good any more. At a revalidation this is what a leaver looks like: somebody
    /// whose account there is closed, or whose access was withdrawn. No other error says that.
    #[must_use]
    pub fn is_invalid_grant(&self) -> bool {
        matches!(self, Self::Refused(failure) if failure.is(ErrorCode::InvalidGrant))
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Refused(failure) => {
                failure.is(ErrorCode::TemporarilyUnavailable) || failure.is(ErrorCode::ServerError)
            }
            _ => false,
        }
    }
}

#[derive(Deserialize)]
struct Raw {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<Value>,
    refresh_token: Option<String>,
    id_token: Option<String>,
    scope: Option<Value>,
    error: Option<Value>,
    error_description: Option<Value>,
}

/// Reads the answer to a token request.
///
/// # Errors
/// [`TokenError`]
pub fn answer(status: u16, body: &[u8]) -> Result<Tokens, TokenError> {
    // Before the body: what a provider in trouble says, or a proxy in its place, says nothing about a person.
    if matches!(status, 408 | 425 | 429 | 500..=599) {
        return Err(TokenError::Unavailable { status });
    }
    if body.len() > MAX_ANSWER {
        return Err(TokenError::TooLarge);
    }
    let raw = serde_json::from_slice::<Raw>(body);
    // Some providers refuse with 200.
    if let Ok(raw) = &raw
        && matches!(status, 200 | 400..=499)
        && let Some(failure) = failure(raw.error.as_ref(), raw.error_description.as_ref())
    {
        return Err(TokenError::Refused(failure));
    }
    if status != 200 {
        return Err(TokenError::Status { status });
    }
    raw.map_err(|_| TokenError::Malformed("is not a JSON object of tokens"))?.tokens()
}

/// The error of a body, if it has one.
pub(super) fn failure(error: Option<&Value>, description: Option<&Value>) -> Option<Failure> {
    let error = error.and_then(Value::as_str).filter(|error| !error.is_empty())?;
    Some(Failure::new(error, description.and_then(Value::as_str)))
}

impl Raw {
    fn tokens(self) -> Result<Tokens, TokenError> {
        let access_token = token(self.access_token, MAX_TOKEN)?.ok_or(TokenError::Malformed("has no access_token"))?;
        let token_type = self.token_type.ok_or(TokenError::Malformed("has no token_type"))?;
        if !token_type.eq_ignore_ascii_case("bearer") {
            return Err(TokenError::TokenType); // RFC 6749 section 7.1: a type that is not understood is not used
        }
        let scope = match self.scope {
            None | Some(Value::Null) => None,
            Some(Value::String(scope)) if scope.len() <= MAX_SCOPE => {
                Some(scope.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect())
            }
            Some(_) => return Err(TokenError::Malformed("has a scope that cannot be read")),
        };
        Ok(Tokens {
            access_token,
            expires_in: self.expires_in.as_ref().and_then(life),
            refresh_token: token(self.refresh_token, MAX_TOKEN)?,
            id_token: token(self.id_token, MAX_ID_TOKEN)?,
            scope,
        })
    }
}

/// A token that can go into a header; an empty one counts as none.
fn token(token: Option<String>, max: usize) -> Result<Option<Zeroizing<String>>, TokenError> {
    let Some(token) = token.map(Zeroizing::new).filter(|token| !token.is_empty()) else { return Ok(None) };
    if token.len() > max {
        return Err(TokenError::Malformed("has a token that is too long"));
    }
    // RFC 6749 appendix A.12 allows the space too; no header can carry it at its ends.
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(TokenError::Malformed("has a token with a character that no token has"));
    }
    Ok(Some(token))
}

/// Seconds; some providers write them as a text.
fn life(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    Some(Duration::from_secs(seconds).min(MAX_LIFE))
}

#[cfg(test)]
mod tests;
