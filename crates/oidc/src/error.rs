//! OAuth error codes, each with the specification that names it, and errors that are safe to show.

use std::borrow::Cow;

use acquit_core::grant::{CodeRefusal, RefreshRefusal};
use serde::Serialize;

use crate::params::{BadParam, ParamsError};

/// An error code on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// RFC 6749: a parameter is missing, repeated or wrong.
    InvalidRequest,
    /// RFC 6749: the client did not prove itself.
    InvalidClient,
    /// RFC 6749: the code or refresh token is no good.
    InvalidGrant,
    /// RFC 6749: this client may not do that.
    UnauthorizedClient,
    /// RFC 6749.
    UnsupportedGrantType,
    /// RFC 6749.
    UnsupportedResponseType,
    /// RFC 6749.
    InvalidScope,
    /// RFC 6749: the person or the policy said no.
    AccessDenied,
    /// RFC 6749: our fault.
    ServerError,
    /// RFC 6749: try again later.
    TemporarilyUnavailable,
    /// OpenID Connect Core section 3.1.2.6.
    LoginRequired,
    /// OpenID Connect Core section 3.1.2.6.
    ConsentRequired,
    /// OpenID Connect Core section 3.1.2.6.
    InteractionRequired,
    /// OpenID Connect Core section 3.1.2.6.
    AccountSelectionRequired,
    /// OpenID Connect Core section 3.1.2.6.
    RequestNotSupported,
    /// OpenID Connect Core section 3.1.2.6.
    RequestUriNotSupported,
    /// OpenID Connect Core section 3.1.2.6.
    RegistrationNotSupported,
    /// OpenID Connect Core section 3.1.2.6, for a pushed request that is not there (RFC 9126).
    InvalidRequestUri,
    /// OpenID Connect Unmet Authentication Requirements 1.0.
    UnmetAuthenticationRequirements,
    /// RFC 7009.
    UnsupportedTokenType,
    /// RFC 7591.
    InvalidRedirectUri,
    /// RFC 7591.
    InvalidClientMetadata,
    /// RFC 6750: the access token is no good.
    InvalidToken,
    /// RFC 6750: the access token does not reach that far.
    InsufficientScope,
}

impl ErrorCode {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::UnsupportedResponseType,
        Self::InvalidScope,
        Self::AccessDenied,
        Self::ServerError,
        Self::TemporarilyUnavailable,
        Self::LoginRequired,
        Self::ConsentRequired,
        Self::InteractionRequired,
        Self::AccountSelectionRequired,
        Self::RequestNotSupported,
        Self::RequestUriNotSupported,
        Self::RegistrationNotSupported,
        Self::InvalidRequestUri,
        Self::UnmetAuthenticationRequirements,
        Self::UnsupportedTokenType,
        Self::InvalidRedirectUri,
        Self::InvalidClientMetadata,
        Self::InvalidToken,
        Self::InsufficientScope,
    ];

    /// The code as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }

    /// The code of that name, compared exactly: what another server answered.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// The HTTP status of an answer that carries it in a body.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }
}

/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 200;

/// An error as it goes out, in a body or on a redirect. Serialized it is the JSON of RFC 6749 section 5.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}: {description}", .code.as_str())]
pub struct OAuthError {
    /// The code.
    #[serde(rename = "error")]
    pub code: ErrorCode,
    /// A sentence for the client's developer.
    #[serde(rename = "error_description")]
    description: Cow<'static, str>,
}

impl OAuthError {
    /// An error with fixed words.
    #[must_use]
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description: Cow::Borrowed(description) }
    }

    /// An error with words that hold something of the request. RFC 6749 allows visible ASCII without `"` and `\` there;
    /// everything else is replaced, and the rest is cut.
    #[must_use]
    pub fn with(code: ErrorCode, description: &str) -> Self {
        let safe = |c: char| if matches!(c, ' '..='!' | '#'..='[' | ']'..='~') { c } else { '?' };
        Self { code, description: Cow::Owned(description.chars().take(MAX_DESCRIPTION).map(safe).collect()) }
    }

    /// The sentence.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The HTTP status of an answer that carries it in a body.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.code.status()
    }

    /// The `WWW-Authenticate` header of a resource that wants an access token (RFC 6750 section 3).
    #[must_use]
    pub fn bearer_challenge(&self) -> String {
        format!(r#"Bearer error="{}", error_description="{}""#, self.code.as_str(), self.description)
    }
}

impl From<BadParam> for OAuthError {
    fn from(bad: BadParam) -> Self {
        Self::with(ErrorCode::InvalidRequest, &bad.to_string())
    }
}

impl From<ParamsError> for OAuthError {
    fn from(error: ParamsError) -> Self {
        Self::with(ErrorCode::InvalidRequest, &error.to_string())
    }
}

impl From<CodeRefusal> for OAuthError {
    fn from(refusal: CodeRefusal) -> Self {
        Self::with(ErrorCode::InvalidGrant, &refusal.to_string())
    }
}

impl From<RefreshRefusal> for OAuthError {
    fn from(refusal: RefreshRefusal) -> Self {
        Self::with(ErrorCode::InvalidGrant, &refusal.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_the_json_of_rfc_6749() {
        let json = serde_json::to_string(&OAuthError::new(ErrorCode::InvalidGrant, "too late")).unwrap();
        assert_eq!(json, r#"{"error":"invalid_grant","error_description":"too late"}"#);
    }

    #[test]
    fn the_name_on_the_wire_is_the_name_in_json() {
        for code in [ErrorCode::InvalidRequestUri, ErrorCode::AccountSelectionRequired, ErrorCode::LoginRequired] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn every_code_is_read_as_it_is_written() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(code.as_str()), Some(code));
        }
        assert_eq!(ErrorCode::parse("Invalid_Grant"), None);
    }

    #[test]
    fn a_description_cannot_break_out_of_a_header_or_a_page() {
        let error = OAuthError::with(ErrorCode::InvalidToken, "a\"b\\c\r\nSet-Cookie: x=é");
        assert_eq!(error.description(), "a?b?c??Set-Cookie: x=?");
        assert!(!error.bearer_challenge().contains(['\r', '\n', '\\']));
        let long = OAuthError::with(ErrorCode::InvalidRequest, &"x".repeat(10_000));
        assert_eq!(long.description().len(), MAX_DESCRIPTION);
    }

    #[test]
    fn a_client_that_is_not_believed_gets_401() {
        assert_eq!(ErrorCode::InvalidClient.status(), 401);
        assert_eq!(ErrorCode::InvalidGrant.status(), 400);
    }
}
