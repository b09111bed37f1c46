use acquit_core::Timestamp;
use serde_json::json;

use super::*;
use crate::rp::{
    client::{AssertionAudience, ClientAuth, tests::pairs},
    provider::tests::provider,
};

fn good() -> Value {
    json!({"access_token": "at-1", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "rt-1",
           "id_token": "a.b.c", "scope": "openid email"})
}

fn with(name: &str, value: Value) -> Value {
    let mut answer = good();
    answer[name] = value;
    answer
}

fn read(status: u16, body: &Value) -> Result<Tokens, TokenError> {
    answer(status, body.to_string().as_bytes())
}

fn error(code: &str) -> Value {
    json!({"error": code, "error_description": "why"})
}

#[test]
fn a_code_is_redeemed_with_its_verifier_and_its_redirect_uri() {
    let client = RpClient { id: "we", auth: ClientAuth::Post { secret: "s" } };
    let grant = Grant::Code { code: "c+/", verifier: "v", redirect_uri: "https://id.example.com/cb?x=1" };
    let post = request(&provider(), &client, grant).unwrap();
    assert_eq!(post.url, "https://login.example.org/tenant/token");
    let params = pairs(&post);
    let list: Vec<_> = params.iter().collect();
    let expected = [
        ("grant_type", "authorization_code"),
        ("code", "c+/"),
        ("redirect_uri", "https://id.example.com/cb?x=1"),
        ("code_verifier", "v"),
        ("client_id", "we"),
        ("client_secret", "s"),
    ];
    assert_eq!(list, expected);
}

#[test]
fn a_refresh_token_is_sent_alone() {
    let client = RpClient { id: "we", auth: ClientAuth::None };
    let post = request(&provider(), &client, Grant::Refresh { refresh_token: "r" }).unwrap();
    assert_eq!(post.body.as_str(), "grant_type=refresh_token&refresh_token=r&client_id=we");
}

#[test]
fn an_assertion_of_the_secret_goes_only_where_the_provider_says_that_it_takes_one() {
    let auth = ClientAuth::SecretJwt {
        secret: "a secret of more than thirty-two bytes",
        audience: AssertionAudience::Issuer,
        jti: "j",
        now: Timestamp::from_seconds(1_800_000_000),
    };
    let client = RpClient { id: "we", auth };
    let mut provider = provider();
    for grant in [
        Grant::Code { code: "c", verifier: "v", redirect_uri: "https://id.example.com/cb" },
        Grant::Refresh { refresh_token: "r" },
    ] {
        provider.token_auth_methods.retain(|method| method != "client_secret_jwt");
        assert_eq!(request(&provider, &client, grant).unwrap_err(), RequestError::SecretJwt);
        provider.token_auth_methods.push("client_secret_jwt".to_owned());
        let post = request(&provider, &client, grant).unwrap();
        assert!(pairs(&post).get("client_assertion").is_some());
    }
}

#[test]
fn a_good_answer_is_read() {
    let tokens = read(200, &good()).unwrap();
    assert_eq!((tokens.access_token.as_str(), tokens.id_token()), ("at-1", Ok("a.b.c")));
    assert_eq!(tokens.expires_in, Some(Duration::from_secs(3600)));
    assert_eq!(tokens.scope.as_deref(), Some(["openid".to_owned(), "email".to_owned()].as_slice()));
    assert_eq!(tokens.bearer().as_str(), "Bearer at-1");
    let least = read(200, &json!({"access_token": "a", "token_type": "bearer", "unknown": [1]})).unwrap();
    assert_eq!((least.expires_in, least.refresh_token.as_ref(), least.scope.as_ref()), (None, None, None));
    assert_eq!(least.id_token(), Err(TokenError::Malformed("has no id_token")));
}

#[test]
fn a_life_may_be_a_text_and_an_absurd_one_is_not_believed() {
    let life = |value| read(200, &with("expires_in", value)).unwrap().expires_in;
    assert_eq!(life(json!("3599")), Some(Duration::from_secs(3599)));
    assert_eq!(life(json!(u64::MAX)), Some(MAX_LIFE));
    for unknown in [json!(null), json!(-1), json!(true), json!("soon"), json!([3600])] {
        assert_eq!(life(unknown), None);
    }
}

#[test]
fn an_answer_that_is_none_is_refused() {
    for (body, why) in [
        (with("access_token", json!("")), "has no access_token"),
        (with("access_token", json!(null)), "has no access_token"),
        (with("token_type", json!(null)), "has no token_type"),
        (with("access_token", json!("x".repeat(MAX_TOKEN + 1))), "has a token that is too long"),
        (with("refresh_token", json!("x".repeat(MAX_TOKEN + 1))), "has a token that is too long"),
        (with("id_token", json!("x".repeat(MAX_ID_TOKEN + 1))), "has a token that is too long"),
        (with("access_token", json!("a\r\nb")), "has a token with a character that no token has"),
        (with("refresh_token", json!("ä")), "has a token with a character that no token has"),
        (with("scope", json!(["openid"])), "has a scope that cannot be read"),
        (with("scope", json!("x".repeat(MAX_SCOPE + 1))), "has a scope that cannot be read"),
        (with("access_token", json!(7)), "is not a JSON object of tokens"),
        (json!([]), "is not a JSON object of tokens"),
        (json!("<html>"), "is not a JSON object of tokens"),
    ] {
        assert_eq!(read(200, &body), Err(TokenError::Malformed(why)), "{why}");
    }
    for garbage in [&b""[..], b"<html></html>", b"access_token=a&token_type=bearer", b"\xff", b"{"] {
        assert!(matches!(answer(200, garbage), Err(TokenError::Malformed(_))));
    }
    let twice = good().to_string().replacen('{', "{\"access_token\":\"other\",", 1);
    assert!(matches!(answer(200, twice.as_bytes()), Err(TokenError::Malformed(_))));
    assert_eq!(answer(200, &vec![b' '; MAX_ANSWER + 1]), Err(TokenError::TooLarge));
}

#[test]
fn a_token_of_a_type_that_is_not_understood_is_not_used() {
    for kind in ["DPoP", "mac", "N_A", ""] {
        assert_eq!(read(200, &with("token_type", json!(kind))), Err(TokenError::TokenType), "{kind}");
    }
}

#[test]
fn a_leaver_is_recognised_by_invalid_grant_and_by_nothing_else() {
    for status in [200, 400, 401, 403] {
        assert!(read(status, &error("invalid_grant")).unwrap_err().is_invalid_grant(), "{status}");
    }
    for code in ["invalid_client", "invalid_request", "unauthorized_client", "INVALID_GRANT", "interaction_required"] {
        let refused = read(400, &error(code)).unwrap_err();
        assert!(matches!(refused, TokenError::Refused(_)) && !refused.is_invalid_grant(), "{code}");
    }
    // A provider in trouble signs nobody out, whatever its body says.
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let refused = read(status, &error("invalid_grant")).unwrap_err();
        assert_eq!(refused, TokenError::Unavailable { status });
        assert!(refused.is_temporary() && !refused.is_invalid_grant());
    }
    for status in [201, 301, 302, 307, 404] {
        let refused = answer(status, b"<html>invalid_grant</html>").unwrap_err();
        assert_eq!(refused, TokenError::Status { status });
        assert!(!refused.is_invalid_grant() && !refused.is_temporary());
    }
    assert_eq!(read(302, &error("invalid_grant")), Err(TokenError::Status { status: 302 }));
}

#[test]
fn an_error_wins_over_tokens_in_the_same_answer() {
    assert!(matches!(read(200, &with("error", json!("server_error"))), Err(TokenError::Refused(_))));
    assert!(read(400, &error("temporarily_unavailable")).unwrap_err().is_temporary());
    // Tokens with another status than 200 are none.
    assert_eq!(read(400, &good()), Err(TokenError::Status { status: 400 }));
    assert_eq!(read(400, &json!({"error": 7})), Err(TokenError::Status { status: 400 }));
}

#[test]
fn neither_tokens_nor_what_is_given_for_them_are_shown() {
    let shown = format!("{:?}", read(200, &good()).unwrap());
    for secret in ["at-1", "rt-1", "a.b.c"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(format!("{:?}", Grant::Refresh { refresh_token: "hush" }), "refresh_token");
    assert_eq!(
        format!("{:?}", Grant::Code { code: "hush", verifier: "hush", redirect_uri: "x" }),
        "authorization_code"
    );
}
