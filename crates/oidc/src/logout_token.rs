//! The back-channel logout request (Back-Channel Logout 1.0 section 2.5) around a token that [`jose`](crate::jose)
//! signed: what is posted, what arrives, and what the receiver answers.

use crate::{
    error::{ErrorCode, OAuthError},
    jose::LogoutTokenError,
    params::{BadParam, Params},
};

/// The parameter.
pub const PARAMETER: &str = "logout_token";
/// The content type of the request.
pub const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// The body that is posted (BC-15). A compact JWS needs no escaping.
#[must_use]
pub fn body(token: &str) -> String {
    format!("{PARAMETER}={token}")
}

/// The token of a received request; other parameters are ignored (BC-15).
///
/// # Errors
/// [`BadParam`] when there is none.
pub fn parse(params: &Params) -> Result<&str, BadParam> {
    params.require(PARAMETER)
}

/// The answer to a request that is refused: 400 with this as JSON (BC-28, BC-33).
#[must_use]
pub fn refusal(error: LogoutTokenError) -> OAuthError {
    OAuthError::with(ErrorCode::InvalidRequest, &error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_read_as_it_was_written() {
        let params = Params::parse(body("aaa.bbb.ccc_-").as_bytes()).unwrap();
        assert_eq!(parse(&params), Ok("aaa.bbb.ccc_-"));
    }

    #[test]
    fn other_parameters_are_ignored_and_a_missing_token_is_not() {
        let params = Params::parse(b"x=1&logout_token=a&y=2").unwrap();
        assert_eq!(parse(&params), Ok("a"));
        assert!(parse(&Params::parse(b"logout_token=").unwrap()).is_err());
    }

    #[test]
    fn a_refusal_is_400() {
        assert_eq!(refusal(LogoutTokenError::Nonce).status(), 400);
    }
}
