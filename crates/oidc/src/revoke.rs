//! Token revocation (RFC 7009).

pub use acquit_core::upstream::TokenKind;

use crate::{
    client::Client,
    error::{ErrorCode, OAuthError},
    params::{BadParam, Params},
};

/// The kind that `token_type_hint` says; a value that is not known says nothing (RV-9).
#[must_use]
pub fn hint(params: &Params) -> Option<TokenKind> {
    let hint = params.get("token_type_hint")?;
    [TokenKind::Access, TokenKind::Refresh].into_iter().find(|kind| kind.as_str() == hint)
}

/// In which order to look for a token: where the hint points, then everywhere else (RV-4).
#[must_use]
pub const fn search(hint: Option<TokenKind>) -> [TokenKind; 2] {
    match hint {
        Some(TokenKind::Access) => [TokenKind::Access, TokenKind::Refresh],
        Some(TokenKind::Refresh) | None => [TokenKind::Refresh, TokenKind::Access],
    }
}

/// What a client wants revoked (RV-3).
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationRequest {
    /// The token.
    pub token: String,
    /// Where to look first.
    pub hint: Option<TokenKind>,
}

/// Without the token.
impl std::fmt::Debug for RevocationRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RevocationRequest({:?})", self.hint)
    }
}

impl RevocationRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// [`BadParam`] without a token.
    pub fn parse(params: &Params) -> Result<Self, BadParam> {
        Ok(Self { token: params.require("token")?.to_owned(), hint: hint(params) })
    }
}

/// A token that was found, good or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// To whom it was issued.
    pub client_id: &'a str,
}

/// What to do; both are answered with 200 and an empty body (RV-9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// Nothing: such a token is not known.
    Nothing,
    /// That access token alone (RV-8 leaves the rest to us: the client keeps its refresh token).
    AccessToken,
    /// The refresh token with everything of its grant (RV-7).
    Grant,
}

/// Decides on a revocation that `caller`, who has proved itself as far as it can, asks for.
///
/// # Errors
/// `invalid_grant` when the token was issued to another client (RV-5): nothing is revoked.
pub fn decide(caller: &Client, found: Option<Found<'_>>) -> Result<Revocation, OAuthError> {
    match found {
        None => Ok(Revocation::Nothing),
        Some(found) if found.client_id != caller.client_id => {
            Err(OAuthError::new(ErrorCode::InvalidGrant, "the token was issued to another client"))
        }
        Some(Found { kind: TokenKind::Access, .. }) => Ok(Revocation::AccessToken),
        Some(Found { kind: TokenKind::Refresh, .. }) => Ok(Revocation::Grant),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::payroll;

    fn request(body: &str) -> Result<RevocationRequest, BadParam> {
        RevocationRequest::parse(&Params::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn a_token_is_required_and_an_unknown_hint_changes_nothing() {
        assert!(request("token=&token_type_hint=access_token").is_err());
        assert_eq!(request("token=t&token_type_hint=jwt").unwrap().hint, None);
        assert_eq!(request("token=t&token_type_hint=access_token").unwrap().hint, Some(TokenKind::Access));
    }

    #[test]
    fn a_wrong_hint_only_changes_where_to_look_first() {
        for hint in [None, Some(TokenKind::Access), Some(TokenKind::Refresh)] {
            let order = search(hint);
            assert!(order.contains(&TokenKind::Access) && order.contains(&TokenKind::Refresh));
            assert!(hint.is_none_or(|hint| order[0] == hint));
        }
    }

    #[test]
    fn an_unknown_token_is_a_success() {
        assert_eq!(decide(&payroll(), None), Ok(Revocation::Nothing));
    }

    #[test]
    fn a_token_of_another_client_is_refused() {
        let found = Found { kind: TokenKind::Refresh, client_id: "wiki" };
        assert_eq!(decide(&payroll(), Some(found)).unwrap_err().status(), 400);
    }

    #[test]
    fn a_refresh_token_takes_its_grant_with_it_and_an_access_token_only_itself() {
        let found = |kind| Some(Found { kind, client_id: "payroll" });
        assert_eq!(decide(&payroll(), found(TokenKind::Refresh)), Ok(Revocation::Grant));
        assert_eq!(decide(&payroll(), found(TokenKind::Access)), Ok(Revocation::AccessToken));
    }
}
