use super::*;
use crate::client::tests::payroll;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const BOUND: CodeBinding<'static> = CodeBinding {
    client_id: "payroll",
    redirect_uri: "https://payroll.example.com/callback",
    code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
};

fn parse(body: &str) -> Result<TokenRequest, OAuthError> {
    TokenRequest::parse(&Params::parse(body.as_bytes()).unwrap(), &payroll())
}

#[test]
fn both_grants_are_read() {
    let code = parse("grant_type=authorization_code&code=c&redirect_uri=u&code_verifier=v").unwrap();
    let expected = TokenRequest::Code { code: "c".into(), redirect_uri: "u".into(), code_verifier: Some("v".into()) };
    assert_eq!(code, expected);
    let refresh = parse("grant_type=refresh_token&refresh_token=r&scope=openid").unwrap();
    assert_eq!(refresh, TokenRequest::Refresh { refresh_token: "r".into(), scope: Some("openid".into()) });
}

#[test]
fn what_is_missing_is_an_invalid_request_that_names_it() {
    for (body, name) in [
        ("", "grant_type"),
        ("grant_type=authorization_code&redirect_uri=u", "code"),
        ("grant_type=authorization_code&code=c", "redirect_uri"),
        ("grant_type=refresh_token&refresh_token=", "refresh_token"),
    ] {
        let error = parse(body).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
        assert!(error.description().contains(name), "{error}");
    }
}

#[test]
fn other_grants_are_unsupported_and_those_not_registered_unauthorized() {
    for grant in ["password", "client_credentials", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer"] {
        assert_eq!(parse(&format!("grant_type={grant}")).unwrap_err().code, ErrorCode::UnsupportedGrantType);
    }
    let mut client = payroll();
    client.grant_types.refresh_token = false;
    let params = Params::parse(b"grant_type=refresh_token&refresh_token=r").unwrap();
    assert_eq!(TokenRequest::parse(&params, &client).unwrap_err().code, ErrorCode::UnauthorizedClient);
}

#[test]
fn a_code_is_bound_to_client_redirect_uri_and_verifier() {
    let redeem = |bound: CodeBinding<'_>, uri: &str, verifier| bound.check(&payroll(), uri, verifier);
    assert_eq!(redeem(BOUND, BOUND.redirect_uri, Some(VERIFIER)), Ok(()));
    for (bound, uri, verifier) in [
        (CodeBinding { client_id: "wiki", ..BOUND }, BOUND.redirect_uri, Some(VERIFIER)),
        (BOUND, "https://payroll.example.com/callback/", Some(VERIFIER)),
        (BOUND, BOUND.redirect_uri, None),
        (BOUND, BOUND.redirect_uri, Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX")),
        (CodeBinding { code_challenge: None, ..BOUND }, BOUND.redirect_uri, Some(VERIFIER)),
    ] {
        assert_eq!(redeem(bound, uri, verifier).unwrap_err().code, ErrorCode::InvalidGrant);
    }
}

#[test]
fn a_refresh_token_of_another_client_is_refused() {
    assert_eq!(check_refresh("payroll", &payroll()), Ok(()));
    assert_eq!(check_refresh("wiki", &payroll()).unwrap_err().code, ErrorCode::InvalidGrant);
}

#[test]
fn an_answer_has_only_what_there_is_and_hides_it_from_logs() {
    let answer = TokenResponse::new("at".into(), 600, Scopes::parse("openid"));
    let json = serde_json::to_string(&answer).unwrap();
    assert_eq!(json, r#"{"access_token":"at","token_type":"Bearer","expires_in":600,"scope":"openid"}"#);
    assert_eq!(format!("{answer:?}"), "TokenResponse(openid)");
}
