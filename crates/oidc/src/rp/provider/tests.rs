use serde_json::{Value, json};

use super::*;

pub(crate) const ISSUER: &str = "https://login.example.org/tenant";

pub(crate) fn document() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "jwks_uri": "https://keys.example.org/jwks",
        "userinfo_endpoint": format!("{ISSUER}/me"),
        "end_session_endpoint": format!("{ISSUER}/logout"),
        "revocation_endpoint": format!("{ISSUER}/revoke"),
        "check_session_iframe": "javascript:ignored",
        "response_types_supported": ["code", "id_token"],
        "id_token_signing_alg_values_supported": ["HS256", "ES256", "RS256", "none"],
        "scopes_supported": ["openid", "email"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    })
}

pub(crate) fn provider() -> Provider {
    parse(&document()).unwrap()
}

fn parse(document: &Value) -> Result<Provider, ProviderError> {
    Provider::parse(document.to_string().as_bytes(), Expected::Issuer(ISSUER))
}

fn with(name: &str, value: Value) -> Value {
    let mut document = document();
    document[name] = value;
    document
}

fn without(name: &str) -> Value {
    let mut document = document();
    document.as_object_mut().unwrap().remove(name).unwrap();
    document
}

#[test]
fn an_ordinary_document_is_read() {
    let provider = provider();
    assert_eq!(provider.jwks_uri, "https://keys.example.org/jwks");
    assert_eq!(provider.revocation_endpoint.as_deref(), Some("https://login.example.org/tenant/revoke"));
    assert_eq!(provider.common_algs(), [Algorithm::Rs256, Algorithm::Es256]);
    assert!(provider.sends_iss && provider.may_take_pkce());
    assert!(provider.may_take_scope("email") && !provider.may_take_scope("groups"));
}

#[test]
fn what_the_document_leaves_out_has_the_default_of_the_specification() {
    let mut document = document();
    for name in ["id_token_signing_alg_values_supported", "scopes_supported", "code_challenge_methods_supported"] {
        document.as_object_mut().unwrap().remove(name);
    }
    let provider = parse(&document).unwrap();
    assert_eq!(provider.response_modes, ["query", "fragment"]);
    assert_eq!(provider.token_auth_methods, ["client_secret_basic"]);
    assert_eq!(provider.revocation_auth_methods, ["client_secret_basic"]);
    assert_eq!(provider.common_algs(), [Algorithm::Rs256]);
    assert!(provider.may_take_pkce() && provider.may_take_scope("groups"));
    assert!(!provider.frontchannel_logout);
}

#[test]
fn a_document_of_another_issuer_is_refused() {
    for other in ["https://login.example.org/tenant/", "https://login.example.org/Tenant", "https://evil.example"] {
        assert_eq!(parse(&with("issuer", json!(other))), Err(ProviderError::AnotherIssuer), "{other}");
    }
    assert_eq!(parse(&without("issuer")), Err(ProviderError::Missing("issuer")));
    assert_eq!(parse(&with("issuer", json!(["https://x.example"]))), Err(ProviderError::Missing("issuer")));
}

#[test]
fn the_first_reading_takes_only_the_issuer_whose_document_lies_there() {
    let read = |issuer: &str, at: &str| {
        Provider::parse(with("issuer", json!(issuer)).to_string().as_bytes(), Expected::At(at)).map(|it| it.issuer)
    };
    let at = "https://login.example.org/tenant/.well-known/openid-configuration";
    assert_eq!(read(ISSUER, at).as_deref(), Ok(ISSUER));
    assert_eq!(read(&format!("{ISSUER}/"), at).unwrap(), format!("{ISSUER}/"));
    assert_eq!(read("https://login.example.org", at), Err(ProviderError::AnotherIssuer));
    assert_eq!(read("https://victim.example", at), Err(ProviderError::AnotherIssuer));
    let elsewhere = "https://login.example.org/metadata.json";
    assert_eq!(read(ISSUER, elsewhere), Err(ProviderError::AnotherIssuer));
}

#[test]
fn an_address_is_made_of_the_issuer_with_its_path() {
    for (issuer, url) in [
        ("https://a.example", "https://a.example/.well-known/openid-configuration"),
        ("https://a.example/", "https://a.example/.well-known/openid-configuration"),
        ("https://a.example:8443/t/1/v2.0", "https://a.example:8443/t/1/v2.0/.well-known/openid-configuration"),
        ("http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x/.well-known/openid-configuration"),
    ] {
        assert_eq!(discovery_url(issuer).as_deref(), Ok(url));
    }
    for (bad, why) in [
        ("https://a.example?x=1", ProviderError::IssuerQuery),
        ("https://a.example/#x", ProviderError::BadIssuer(InvalidUri::Fragment)),
        ("http://a.example", ProviderError::BadIssuer(InvalidUri::PlainHttp)),
        ("https://u:p@a.example", ProviderError::BadIssuer(InvalidUri::UserInfo)),
        ("a.example", ProviderError::BadIssuer(InvalidUri::NotAbsolute)),
    ] {
        assert_eq!(discovery_url(bad), Err(why), "{bad}");
    }
}

#[test]
fn what_the_code_flow_needs_must_be_there() {
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        assert_eq!(parse(&without(name)), Err(ProviderError::Missing(name)));
        assert_eq!(parse(&with(name, json!(null))), Err(ProviderError::Missing(name)));
    }
    assert_eq!(parse(&with("response_types_supported", json!(["id_token"]))), Err(ProviderError::NoCode));
    assert_eq!(parse(&with("response_types_supported", json!("code"))), Err(ProviderError::NoCode));
    assert!(parse(&without("response_types_supported")).is_ok());
}

#[test]
fn an_endpoint_that_no_secret_may_be_sent_to_is_refused_also_where_it_is_optional() {
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "userinfo_endpoint",
        "end_session_endpoint",
        "revocation_endpoint",
    ] {
        for (value, why) in [
            (json!("http://login.example.org/x"), InvalidUri::PlainHttp),
            (json!("javascript:alert(1)"), InvalidUri::Scheme),
            (json!("https://login.example.org@evil.example/"), InvalidUri::UserInfo),
            (json!("https://login.example.org/x#y"), InvalidUri::Fragment),
            (json!("https://login.example.org/\r\nx"), InvalidUri::Character),
            (json!("/relative"), InvalidUri::NotAbsolute),
            (json!(""), InvalidUri::NotAbsolute),
            (json!(["https://login.example.org/x"]), InvalidUri::NotAbsolute),
            (json!(format!("https://login.example.org/{}", "x".repeat(2048))), InvalidUri::TooLong),
        ] {
            assert_eq!(parse(&with(name, value.clone())), Err(ProviderError::BadEndpoint { name, why }), "{value}");
        }
        for inward in ["http://127.0.0.1:8080/x", "https://localhost/x", "http://[::1]/x"] {
            assert_eq!(parse(&with(name, json!(inward))), Err(ProviderError::Loopback(name)), "{inward}");
        }
    }
}

#[test]
fn a_provider_on_this_machine_may_speak_http() {
    let home = "http://127.0.0.1:9000";
    let document = json!({
        "issuer": home, "authorization_endpoint": format!("{home}/a"), "token_endpoint": format!("{home}/t"),
        "jwks_uri": "http://localhost:9001/k",
    });
    assert!(Provider::parse(document.to_string().as_bytes(), Expected::Issuer(home)).is_ok());
}

#[test]
fn garbage_is_refused_and_so_is_a_document_that_is_too_long_or_says_a_thing_twice() {
    let read = |text: &str| Provider::parse(text.as_bytes(), Expected::Issuer(ISSUER));
    for bad in ["", "null", "[]", "\"x\"", "<html></html>", "{\"issuer\":", &format!("{}x", document())] {
        assert_eq!(read(bad), Err(ProviderError::Malformed), "{bad:.20}");
    }
    let twice = document().to_string().replacen('{', &format!("{{\"issuer\":\"{ISSUER}\","), 1);
    assert_eq!(read(&twice), Err(ProviderError::Malformed));
    assert_eq!(read(&" ".repeat(MAX_DOCUMENT + 1)), Err(ProviderError::TooLarge));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(1000), "]".repeat(1000));
    assert_eq!(read(&deep), Err(ProviderError::Malformed));
}

#[test]
fn lists_are_capped_and_what_is_no_text_in_them_is_passed_over() {
    let mut scopes = vec![json!(1), json!(null), json!(""), json!("x".repeat(MAX_ENTRY + 1)), json!("openid")];
    scopes.extend((0..2 * MAX_LIST).map(|number| json!(number.to_string())));
    let provider = parse(&with("scopes_supported", json!(scopes))).unwrap();
    assert_eq!((provider.scopes.len(), provider.scopes[0].as_str()), (MAX_LIST - 4, "openid"));
    assert!(!parse(&with("backchannel_logout_supported", json!("true"))).unwrap().backchannel_logout);
}

#[test]
fn what_it_can_do_for_a_logout_is_said_in_plain_words() {
    let all = provider().abilities();
    let expected = Abilities {
        rp_initiated: true,
        revocation: true,
        back_channel: Tells::WithSession,
        front_channel: Tells::No,
        revalidation: true,
    };
    assert_eq!(all, expected);
    assert!(all.sentences()[3].contains("does not reach us through the browser"));
    let mut document = with("backchannel_logout_session_supported", json!(false));
    document["frontchannel_logout_supported"] = json!(true);
    document["frontchannel_logout_session_supported"] = json!(true);
    document["grant_types_supported"] = json!(["authorization_code"]);
    for name in ["end_session_endpoint", "revocation_endpoint"] {
        document.as_object_mut().unwrap().remove(name);
    }
    let few = parse(&document).unwrap().abilities();
    let expected = Abilities {
        rp_initiated: false,
        revocation: false,
        back_channel: Tells::WithoutSession,
        front_channel: Tells::WithSession,
        revalidation: false,
    };
    assert_eq!(few, expected);
    assert!(few.sentences()[0].contains("cannot end the session there"));
    // To say that the session is named means nothing where nothing is sent.
    let mut document = with("backchannel_logout_supported", json!(false));
    document["frontchannel_logout_session_supported"] = json!(true);
    let silent = parse(&document).unwrap().abilities();
    assert_eq!((silent.back_channel, silent.front_channel), (Tells::No, Tells::No));
}
