//! The token endpoint (RFC 6749 sections 4.1.3, 5 and 6; OpenID Connect Core sections 3.1.3 and 12).

use serde::Serialize;

use crate::{
    client::Client,
    error::{ErrorCode, OAuthError},
    params::Params,
    pkce,
    scope::Scopes,
};

/// What a client asks for; the client has proved itself.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// To redeem a code.
    Code {
        /// The code.
        code: String,
        /// `redirect_uri`, which must be the one of the authorization request.
        redirect_uri: String,
        /// The PKCE verifier.
        code_verifier: Option<String>,
    },
    /// To refresh.
    Refresh {
        /// The refresh token.
        refresh_token: String,
        /// A narrower scope.
        scope: Option<String>,
    },
}

impl TokenRequest {
    /// Reads a request of `client`.
    ///
    /// # Errors
    /// `invalid_request`, `unsupported_grant_type`, `unauthorized_client`
    pub fn parse(params: &Params, client: &Client) -> Result<Self, OAuthError> {
        let grants = client.grant_types;
        let (allowed, request) = match params.require("grant_type")? {
            "authorization_code" => (
                grants.authorization_code,
                Self::Code {
                    code: params.require("code")?.to_owned(),
                    redirect_uri: params.require("redirect_uri")?.to_owned(),
                    code_verifier: params.owned("code_verifier"),
                },
            ),
            "refresh_token" => (
                grants.refresh_token,
                Self::Refresh {
                    refresh_token: params.require("refresh_token")?.to_owned(),
                    scope: params.owned("scope"),
                },
            ),
            _ => {
                return Err(OAuthError::new(
                    ErrorCode::UnsupportedGrantType,
                    "grant_type must be authorization_code or refresh_token",
                ));
            }
        };
        if allowed {
            Ok(request)
        } else {
            Err(OAuthError::new(ErrorCode::UnauthorizedClient, "this client may not use that grant_type"))
        }
    }
}

/// Without the code, token and verifier.
impl std::fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Code { .. } => "TokenRequest(authorization_code)",
            Self::Refresh { .. } => "TokenRequest(refresh_token)",
        })
    }
}

/// To what a code was bound when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeBinding<'a> {
    /// The client.
    pub client_id: &'a str,
    /// The redirect URI.
    pub redirect_uri: &'a str,
    /// The PKCE challenge.
    pub code_challenge: Option<&'a str>,
}

impl CodeBinding<'_> {
    /// Checks that whoever redeems the code is the one who asked for it. Whether the code is still good is
    /// `acquit_core::grant::redeem`'s decision.
    ///
    /// # Errors
    /// `invalid_grant`
    pub fn check(&self, client: &Client, redirect_uri: &str, code_verifier: Option<&str>) -> Result<(), OAuthError> {
        if self.client_id != client.client_id {
            return Err(OAuthError::new(ErrorCode::InvalidGrant, "the code was issued to another client"));
        }
        if self.redirect_uri != redirect_uri {
            return Err(OAuthError::new(
                ErrorCode::InvalidGrant,
                "redirect_uri is not that of the authorization request",
            ));
        }
        pkce::verify(self.code_challenge, code_verifier)
            .map_err(|why| OAuthError::with(ErrorCode::InvalidGrant, &why.to_string()))
    }
}

/// A refresh token belongs to the client that it was issued to (RFC 6749 section 6).
///
/// # Errors
/// `invalid_grant`
pub fn check_refresh(issued_to: &str, client: &Client) -> Result<(), OAuthError> {
    if issued_to == client.client_id {
        Ok(())
    } else {
        Err(OAuthError::new(ErrorCode::InvalidGrant, "the refresh token was issued to another client"))
    }
}

/// What to answer for a code or refresh token that is not known at all.
pub const UNKNOWN_GRANT: OAuthError =
    OAuthError::new(ErrorCode::InvalidGrant, "the code or refresh token is not known, or not good any more");

/// The answer, with `Cache-Control: no-store`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// For how many seconds the access token is good.
    pub expires_in: u64,
    /// The refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The ID token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What was granted.
    pub scope: Scopes,
}

impl TokenResponse {
    /// An answer with an access token alone.
    #[must_use]
    pub fn new(access_token: String, expires_in: u64, scope: Scopes) -> Self {
        Self { access_token, token_type: "Bearer", expires_in, refresh_token: None, id_token: None, scope }
    }
}

/// Without the tokens.
impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenResponse({})", self.scope)
    }
}

#[cfg(test)]
mod tests;
