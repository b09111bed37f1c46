use super::*;
use crate::rp::provider::tests::provider;

const STATE: &str = "state-0123456789abcdefghij";
const NONCE: &str = "nonce-0123456789abcdefghij";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "https://id.example.com/sso/oidc/k1/callback";

fn request() -> AuthorizationRequest<'static> {
    AuthorizationRequest::new("acquit", CALLBACK, STATE, NONCE, VERIFIER)
}

fn query(url: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes()).into_owned().collect()
}

fn free(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_least_request_has_all_that_its_safety_hangs_on() {
    let url = request().url(&provider()).unwrap();
    assert!(url.starts_with("https://login.example.org/tenant/authorize?response_type=code&"));
    let expected = free(&[
        ("response_type", "code"),
        ("client_id", "acquit"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("state", STATE),
        ("nonce", NONCE),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    assert_eq!(query(&url), expected);
    assert!(!url.contains(VERIFIER));
}

#[test]
fn everything_that_may_be_asked_is_asked_and_escaped() {
    let scopes = ["email profile".to_owned(), "openid".to_owned(), "email".to_owned(), "offline_access".to_owned()];
    let acr_values = ["two".to_owned(), "three".to_owned()];
    let request = AuthorizationRequest {
        scopes: &scopes,
        prompt: Some("login consent"),
        max_age: Some(Duration::from_secs(300)),
        login_hint: Some("zoë+x&y=z@a.example"),
        ui_locales: Some("de en"),
        acr_values: &acr_values,
        domain: Some((DomainParameter::Hd, "a.example")),
        response_mode: Some(ResponseMode::FormPost),
        free: &free(&[("access_type", "offline"), ("claims", "{\"id_token\":{\"sid\":null}}")]),
        ..request()
    };
    let url = request.url(&provider()).unwrap();
    let query = query(&url);
    for (name, value) in [
        ("scope", "openid email profile offline_access"),
        ("prompt", "login consent"),
        ("max_age", "300"),
        ("login_hint", "zoë+x&y=z@a.example"),
        ("ui_locales", "de en"),
        ("acr_values", "two three"),
        ("response_mode", "form_post"),
        ("hd", "a.example"),
        ("access_type", "offline"),
        ("claims", "{\"id_token\":{\"sid\":null}}"),
    ] {
        assert!(query.contains(&(name.to_owned(), value.to_owned())), "{name}: {url}");
    }
    assert!(url.is_ascii());
}

#[test]
fn what_is_empty_is_not_sent() {
    let request = AuthorizationRequest { prompt: Some(""), login_hint: Some(""), ui_locales: Some(""), ..request() };
    assert_eq!(query(&request.url(&provider()).unwrap()).len(), 8);
}

#[test]
fn a_free_parameter_can_override_nothing() {
    for reserved in RESERVED.iter().copied().chain(["STATE", "Redirect_URI", "Request_uri"]) {
        let free = free(&[(reserved, "x")]);
        let refused = AuthorizationRequest { free: &free, ..request() }.url(&provider());
        assert_eq!(refused, Err(AuthorizationRequestError::Reserved { name: reserved.into() }));
    }
}

#[test]
fn a_free_parameter_that_is_sent_already_is_refused() {
    for (name, request) in [
        ("prompt", AuthorizationRequest { prompt: Some("login"), ..request() }),
        ("login_hint", AuthorizationRequest { login_hint: Some("a"), ..request() }),
        ("hd", AuthorizationRequest { domain: Some((DomainParameter::Hd, "a.example")), ..request() }),
    ] {
        let free = free(&[(name, "other")]);
        let refused = AuthorizationRequest { free: &free, ..request }.url(&provider());
        assert_eq!(refused, Err(AuthorizationRequestError::Repeated { name: name.into() }));
    }
    let twice = free(&[("hd", "a.example"), ("HD", "b.example")]);
    let refused = AuthorizationRequest { free: &twice, ..request() }.url(&provider());
    assert_eq!(refused, Err(AuthorizationRequestError::Repeated { name: "hd".into() }));
    let prompt = free(&[("prompt", "select_account")]);
    assert!(AuthorizationRequest { free: &prompt, ..request() }.url(&provider()).is_ok());
}

#[test]
fn the_endpoint_keeps_its_own_query_which_cannot_say_what_we_say() {
    let mut provider = provider();
    provider.authorization_endpoint += "?p=b2c_1%5Fsign";
    let url = request().url(&provider).unwrap();
    assert!(url.starts_with("https://login.example.org/tenant/authorize?p=b2c_1%5Fsign&response_type=code"));
    let own = free(&[("p", "x")]);
    let refused = AuthorizationRequest { free: &own, ..request() }.url(&provider);
    assert_eq!(refused, Err(AuthorizationRequestError::Repeated { name: "p".into() }));
    provider.authorization_endpoint += "&stat%65=fixed";
    assert_eq!(request().url(&provider), Err(AuthorizationRequestError::Repeated { name: "state".into() }));
}

#[test]
fn what_cannot_be_sent_is_refused() {
    for (name, value) in [("", "x"), ("a\nb", "x"), ("a", "x\r\ny"), ("a", "\0")] {
        let free = free(&[(name, value)]);
        let refused = AuthorizationRequest { free: &free, ..request() }.url(&provider());
        assert!(matches!(refused, Err(AuthorizationRequestError::Unusable { .. })), "{name:?}={value:?}");
    }
    for (name, value) in [("n".repeat(MAX_NAME + 1), "x".into()), ("n".to_owned(), "x".repeat(MAX_VALUE + 1))] {
        let refused = AuthorizationRequest { free: &[(name, value)], ..request() }.url(&provider());
        assert!(matches!(refused, Err(AuthorizationRequestError::Unusable { .. })));
    }
    let hint = "x\r\ny";
    let refused = AuthorizationRequest { login_hint: Some(hint), ..request() }.url(&provider());
    assert_eq!(refused, Err(AuthorizationRequestError::Unusable { name: "login_hint".into() }));
    let numbered = |count: usize, value: String| -> Vec<(String, String)> {
        (0..count).map(|number| (format!("n{number}"), value.clone())).collect()
    };
    let refused = |free: &[(String, String)]| AuthorizationRequest { free, ..request() }.url(&provider()).unwrap_err();
    assert_eq!(refused(&numbered(MAX_FREE + 1, "x".into())), AuthorizationRequestError::TooMany);
    assert_eq!(refused(&numbered(5, "x".repeat(MAX_VALUE))), AuthorizationRequestError::TooLong);
}

#[test]
fn randomness_that_can_be_guessed_or_is_used_twice_is_refused() {
    for bad in [
        AuthorizationRequest { state: "short", ..request() },
        AuthorizationRequest { nonce: "", ..request() },
        AuthorizationRequest { nonce: "with a space 0123456789", ..request() },
        AuthorizationRequest { nonce: STATE, ..request() },
        AuthorizationRequest { verifier: "short", ..request() },
    ] {
        assert_eq!(bad.url(&provider()), Err(AuthorizationRequestError::Random));
    }
}

#[test]
fn an_answer_that_we_could_not_read_is_not_asked_for() {
    let fragment = AuthorizationRequest { response_mode: Some(ResponseMode::Fragment), ..request() };
    assert_eq!(fragment.url(&provider()), Err(AuthorizationRequestError::Fragment));
    for prompt in ["none login", "login none"] {
        let prompt = AuthorizationRequest { prompt: Some(prompt), ..request() };
        assert_eq!(prompt.url(&provider()), Err(AuthorizationRequestError::Prompt));
    }
    assert!(AuthorizationRequest { prompt: Some("none"), ..request() }.url(&provider()).is_ok());
}

#[test]
fn a_request_does_not_show_its_secrets() {
    let shown = format!("{:?}", request());
    assert!(shown.contains("acquit"));
    for secret in [STATE, NONCE, VERIFIER] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_state_may_carry_that_of_another_broker_and_no_more() {
    let asked = |state: &str| AuthorizationRequest { state, ..request() }.url(&provider());
    let long = "s".repeat(MAX_STATE);
    assert!(asked(&long).unwrap().contains(&long));
    assert_eq!(asked(&format!("{long}s")), Err(AuthorizationRequestError::Unusable { name: "state".to_owned() }));
}
