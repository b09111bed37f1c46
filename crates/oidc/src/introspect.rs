//! Token introspection (RFC 7662).

use acquit_core::Timestamp;
use serde::Serialize;

use crate::{
    client::Client,
    error::{ErrorCode, OAuthError},
    params::Params,
    revoke::TokenKind,
    scope::Scopes,
};

/// What a client asks about.
#[derive(Clone, PartialEq, Eq)]
pub struct IntrospectionRequest {
    /// The token.
    pub token: String,
    /// Where to look first.
    pub hint: Option<TokenKind>,
}

/// Without the token.
impl std::fmt::Debug for IntrospectionRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IntrospectionRequest({:?})", self.hint)
    }
}

impl IntrospectionRequest {
    /// Reads a request of `client`, which has proved itself.
    ///
    /// # Errors
    /// `invalid_request` without a token; `invalid_client` for a public client, which proves nothing (section 2.1).
    pub fn parse(params: &Params, client: &Client) -> Result<Self, OAuthError> {
        if client.is_public() {
            return Err(OAuthError::new(ErrorCode::InvalidClient, "a public client may not introspect tokens"));
        }
        Ok(Self { token: params.require("token")?.to_owned(), hint: crate::revoke::hint(params) })
    }
}

/// A token that is good now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoodToken<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// To whom it was issued.
    pub client_id: &'a str,
    /// For whom it is.
    pub audience: &'a [String],
    /// What it opens.
    pub scopes: Scopes,
    /// Its user.
    pub subject: &'a str,
    /// Their name.
    pub username: Option<&'a str>,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The session at the client that it was issued to; told to that client only.
    pub sid: Option<&'a str>,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Introspection {
    /// Whether it is good, and the caller's business.
    pub active: bool,
    /// What it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scopes>,
    /// To whom it was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Its user's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// `Bearer` for an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    /// Its user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// For whom it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<Vec<String>>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// When it was made, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// When it expires, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
}

/// The answer to `caller` about `token`; `None` for one that is unknown, expired, revoked or of an ended session. A
/// client sees only tokens that were issued to it or that name it in `aud`: to others they are as good as unknown.
#[must_use]
pub fn answer(caller: &Client, issuer: &str, token: Option<GoodToken<'_>>, now: Timestamp) -> Introspection {
    let Some(token) = token.filter(|token| now < token.expires_at) else { return Introspection::default() };
    let own = token.client_id == caller.client_id;
    // A refresh token is for its client and the provider; a resource server has no business with one.
    let named = token.kind == TokenKind::Access && token.audience.contains(&caller.client_id);
    if !own && !named {
        return Introspection::default();
    }
    Introspection {
        active: true,
        scope: Some(token.scopes),
        client_id: Some(token.client_id.to_owned()),
        username: token.username.map(str::to_owned),
        token_type: (token.kind == TokenKind::Access).then_some("Bearer"),
        sub: Some(token.subject.to_owned()),
        aud: (!token.audience.is_empty()).then(|| token.audience.to_vec()),
        iss: Some(issuer.to_owned()),
        iat: Some(token.issued_at.as_seconds()),
        exp: Some(token.expires_at.as_seconds()),
        sid: token.sid.filter(|_| own).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::{payroll, phone};

    fn token() -> GoodToken<'static> {
        GoodToken {
            kind: TokenKind::Access,
            client_id: "wiki",
            audience: &[],
            scopes: Scopes::parse("openid email"),
            subject: "usr_1",
            username: Some("alice"),
            issued_at: Timestamp::from_seconds(10),
            expires_at: Timestamp::from_seconds(100),
            sid: Some("s1"),
        }
    }

    fn ask(token: GoodToken<'_>, now: i64) -> Introspection {
        answer(&payroll(), "https://id.example.com", Some(token), Timestamp::from_seconds(now))
    }

    #[test]
    fn a_client_sees_its_own_tokens_with_their_session() {
        let own = ask(GoodToken { client_id: "payroll", ..token() }, 99);
        assert_eq!((own.active, own.sid.as_deref(), own.token_type), (true, Some("s1"), Some("Bearer")));
        let refresh = ask(GoodToken { client_id: "payroll", kind: TokenKind::Refresh, ..token() }, 99);
        assert_eq!((refresh.active, refresh.token_type), (true, None));
    }

    #[test]
    fn a_token_of_another_client_is_not_active_and_tells_nothing() {
        let json = serde_json::to_string(&ask(token(), 50)).unwrap();
        assert_eq!(json, r#"{"active":false}"#);
    }

    #[test]
    fn a_resource_server_sees_access_tokens_that_name_it_without_the_session() {
        let audience = ["api".to_owned(), "payroll".to_owned()];
        let seen = ask(GoodToken { audience: &audience, ..token() }, 50);
        assert_eq!((seen.active, seen.sid, seen.client_id.as_deref()), (true, None, Some("wiki")));
        assert!(!ask(GoodToken { audience: &audience, kind: TokenKind::Refresh, ..token() }, 50).active);
    }

    #[test]
    fn an_expired_or_unknown_token_is_not_active() {
        assert!(!ask(GoodToken { client_id: "payroll", ..token() }, 100).active);
        assert_eq!(answer(&payroll(), "x", None, Timestamp::from_seconds(0)), Introspection::default());
    }

    #[test]
    fn a_public_client_may_not_introspect() {
        let params = Params::parse(b"token=x&token_type_hint=refresh_token").unwrap();
        assert_eq!(IntrospectionRequest::parse(&params, &phone()).unwrap_err().code, ErrorCode::InvalidClient);
        assert_eq!(IntrospectionRequest::parse(&params, &payroll()).unwrap().hint, Some(TokenKind::Refresh));
        assert!(IntrospectionRequest::parse(&Params::default(), &payroll()).is_err());
    }
}
