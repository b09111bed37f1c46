use super::*;
use crate::{
    client::tests::{payroll, phone},
    jose::{Algorithm, tests as keys},
};

const CALLBACK: &str = "https://payroll.example.com/callback";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The parameters of a good request, with some changed; an empty value takes one away.
fn params(changes: &[(&str, &str)]) -> Params {
    let mut pairs = vec![
        ("client_id", "payroll"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("state", "s t"),
        ("nonce", "n"),
    ];
    for change in changes {
        pairs.retain(|(name, _)| *name != change.0);
        pairs.push(*change);
    }
    Params::from_pairs(pairs).unwrap()
}

fn read_as(client: &Client, changes: &[(&str, &str)]) -> Result<AuthorizeRequest, Refusal> {
    parse(&params(changes), client, Via::Browser)
}

fn read_changed(changes: &[(&str, &str)]) -> Result<AuthorizeRequest, Refusal> {
    read_as(&payroll(), changes)
}

fn redirected(result: Result<AuthorizeRequest, Refusal>) -> (ErrorCode, ReturnPath) {
    match result {
        Err(Refusal::Redirect { path, error }) => (error.code, *path),
        other => panic!("{other:?}"),
    }
}

fn page(result: Result<AuthorizeRequest, Refusal>) -> &'static str {
    match result {
        Err(Refusal::Page(bad)) => bad.name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_request_is_read_in_full() {
    let request = read_changed(&[
        ("response_mode", "form_post"),
        ("prompt", "login consent"),
        ("max_age", "60"),
        ("login_hint", "alice"),
        ("ui_locales", "tlh de"),
        ("acr_values", "gold"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("claims", r#"{"userinfo":{"groups":null}}"#),
        ("connection", "conn_1"),
        ("organization", "org_1"),
        ("domain_hint", "example.com"),
        ("display", "popup"),
        ("something", "else"),
    ])
    .unwrap();
    assert_eq!(request.scopes.to_string(), "openid email");
    assert_eq!((request.prompt.login, request.prompt.consent, request.prompt.none), (true, true, false));
    assert_eq!((request.max_age, request.code_challenge.as_deref()), (Some(60), Some(CHALLENGE)));
    assert_eq!(request.return_path.mode, ResponseMode::FormPost);
    assert_eq!(request.connection.as_deref(), Some("conn_1"));
    assert_eq!(request.ui_locales, ["tlh", "de"]);
    let sealed = serde_json::to_vec(&request).unwrap();
    assert_eq!(serde_json::from_slice::<AuthorizeRequest>(&sealed).unwrap(), request);
}

#[test]
fn a_wrong_client_or_redirect_uri_is_shown_and_never_redirected() {
    assert_eq!(page(read_changed(&[("client_id", "")])), "client_id");
    assert_eq!(page(read_changed(&[("client_id", "wiki")])), "client_id");
    for uri in ["", "https://payroll.example.com/callback/", "https://evil.example/", "https://payroll.example.com/bye"]
    {
        assert_eq!(page(read_changed(&[("redirect_uri", uri), ("response_type", "x")])), "redirect_uri", "{uri}");
    }
}

#[test]
fn every_later_mistake_goes_back_to_the_client_with_its_state() {
    use ErrorCode::*;
    for (change, code) in [
        (("response_type", ""), InvalidRequest),
        (("response_type", "token"), UnsupportedResponseType),
        (("response_type", "code id_token"), UnsupportedResponseType),
        (("response_mode", "web_message"), InvalidRequest),
        (("scope", ""), InvalidScope),
        (("scope", "email"), InvalidScope),
        (("prompt", "none login"), InvalidRequest),
        (("prompt", "none whatever"), InvalidRequest),
        (("max_age", "-1"), InvalidRequest),
        (("max_age", "soon"), InvalidRequest),
        (("claims", "{"), InvalidRequest),
        (("code_challenge", CHALLENGE), InvalidRequest),
        (("code_challenge_method", "S256"), InvalidRequest),
        (("request", "e30.e30."), RequestNotSupported),
        (("request_uri", "https://evil.example/"), RequestUriNotSupported),
        (("registration", "{}"), RegistrationNotSupported),
    ] {
        let (got, path) = redirected(read_changed(&[change]));
        assert_eq!((got, path.state.as_deref()), (code, Some("s t")), "{change:?}");
        assert_eq!(path.redirect_uri, CALLBACK);
    }
}

#[test]
fn an_error_travels_in_the_mode_that_was_asked_for() {
    let (_, path) = redirected(read_changed(&[("scope", ""), ("response_mode", "fragment")]));
    assert_eq!(path.mode, ResponseMode::Fragment);
}

#[test]
fn a_public_client_must_use_pkce() {
    let native = [("client_id", "phone"), ("redirect_uri", "http://127.0.0.1:51004/cb")];
    assert_eq!(redirected(read_as(&phone(), &native)).0, ErrorCode::InvalidRequest);
    let with = [native[0], native[1], ("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    assert_eq!(read_as(&phone(), &with).unwrap().return_path.redirect_uri, "http://127.0.0.1:51004/cb");
    let strict = Client { require_pkce: true, ..payroll() };
    assert_eq!(redirected(read_as(&strict, &[])).0, ErrorCode::InvalidRequest);
}

#[test]
fn a_client_may_demand_a_long_state() {
    let client = Client { state_min_length: 22, ..payroll() };
    for state in ["", "short", &"x".repeat(21)] {
        assert_eq!(redirected(read_as(&client, &[("state", state)])).0, ErrorCode::InvalidRequest);
    }
    assert!(read_as(&client, &[("state", &"x".repeat(22))]).is_ok());
}

#[test]
fn a_client_without_refresh_gets_no_offline_access() {
    let asked = [("scope", "openid offline_access")];
    assert!(read_changed(&asked).unwrap().scopes.has(Scope::OfflineAccess));
    let mut client = payroll();
    client.grant_types.refresh_token = false;
    assert!(!read_as(&client, &asked).unwrap().scopes.has(Scope::OfflineAccess));
}

#[test]
fn the_default_age_of_a_client_counts_when_the_request_has_none() {
    let client = Client { default_max_age: Some(300), ..payroll() };
    assert_eq!(read_as(&client, &[]).unwrap().max_age, Some(300));
    assert_eq!(read_as(&client, &[("max_age", "0")]).unwrap().max_age, Some(0));
}

mod hints {
    use super::*;

    fn hint(aud: &str) -> Result<Option<Hint>, OAuthError> {
        let claims = serde_json::json!({"iss": keys::ISSUER, "sub": "alice", "aud": aud, "exp": 1, "iat": 0});
        let token = keys::forge(&keys::key(Algorithm::EdDsa), "JWT", &claims);
        let request = read_changed(&[("id_token_hint", &token)]).unwrap();
        request.hint(keys::keyset().verifying(), keys::ISSUER)
    }

    #[test]
    fn a_hint_must_be_an_id_token_of_this_client() {
        assert_eq!(hint("payroll").unwrap().unwrap().subject, "alice");
        assert_eq!(hint("wiki").unwrap_err().code, ErrorCode::InvalidRequest);
        let forged = read_changed(&[("id_token_hint", "a.b.c")]).unwrap();
        assert!(forged.hint(keys::keyset().verifying(), keys::ISSUER).is_err());
        assert_eq!(read_changed(&[]).unwrap().hint(keys::keyset().verifying(), keys::ISSUER), Ok(None));
    }
}

mod pushing {
    use super::*;
    use crate::authorize::pushed::{self, Pushed};

    #[test]
    fn a_pushed_request_is_taken_up_by_its_own_client_only() {
        let request = pushed::push(&params(&[]), &payroll()).unwrap();
        let uri = Pushed::new("h4ndle", 60).request_uri;
        let browser =
            params(&[("request_uri", &uri), ("scope", "openid groups"), ("redirect_uri", "https://evil.example")]);
        assert_eq!(pushed::handle(&browser), Ok(Some("h4ndle")));
        assert_eq!(pushed::resume(&browser, request.clone()), Ok(request.clone()));
        let other = params(&[("request_uri", &uri), ("client_id", "wiki")]);
        assert_eq!(pushed::resume(&other, request.clone()), Err(pushed::UNKNOWN));
        assert_eq!(pushed::resume(&params(&[("client_id", "")]), request).unwrap_err().name, "client_id");
    }

    #[test]
    fn a_client_that_proved_itself_need_not_repeat_its_name() {
        assert_eq!(pushed::push(&params(&[("client_id", "")]), &payroll()).unwrap().client_id, "payroll");
        let nameless = Params::from_pairs(params(&[]).iter().filter(|(name, _)| *name != "client_id")).unwrap();
        assert_eq!(pushed::push(&nameless, &payroll()).unwrap().client_id, "payroll");
    }

    #[test]
    fn mistakes_in_a_pushed_request_are_answered_at_once() {
        let code = |changes: &[(&str, &str)]| pushed::push(&params(changes), &payroll()).unwrap_err().code;
        assert_eq!(code(&[("redirect_uri", "https://evil.example/")]), ErrorCode::InvalidRequest);
        assert_eq!(code(&[("response_type", "token")]), ErrorCode::UnsupportedResponseType);
        assert_eq!(code(&[("request_uri", "urn:ietf:params:oauth:request_uri:x")]), ErrorCode::InvalidRequest);
    }

    #[test]
    fn a_reference_to_a_web_server_is_never_followed() {
        for uri in ["https://evil.example/r", "http://169.254.169.254/", PUSHED, "urn:ietf:params:oauth:request"] {
            assert_eq!(pushed::handle(&params(&[("request_uri", uri)])).unwrap_err().name, "request_uri");
        }
        assert_eq!(pushed::handle(&params(&[])), Ok(None));
    }

    #[test]
    fn a_client_that_must_push_cannot_come_directly() {
        let client = Client { require_pushed_authorization_requests: true, ..payroll() };
        assert_eq!(redirected(read_as(&client, &[])).0, ErrorCode::InvalidRequest);
        assert!(pushed::push(&params(&[]), &client).is_ok());
    }
}
