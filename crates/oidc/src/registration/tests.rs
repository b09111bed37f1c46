use serde_json::{Value, json};

use super::*;
use crate::jose::{Algorithm, tests as keys};

fn minimal() -> Value {
    json!({"redirect_uris": ["https://app.example.com/cb"]})
}

fn register(json: &Value) -> Result<Client, OAuthError> {
    let metadata = ClientMetadata::parse(json.to_string().as_bytes())?;
    let secret = metadata.needs_secret()?.then(|| SecretDigest::of("drawn"));
    metadata.into_client(Identity { app: AppId::new("dyn-1"), client_id: "c1".into(), secret })
}

fn with(name: &str, value: Value) -> Value {
    let mut json = minimal();
    json[name] = value;
    json
}

#[test]
fn a_minimal_registration_gets_the_defaults_of_the_specification() {
    let client = register(&minimal()).unwrap();
    assert_eq!((client.client_id.as_str(), client.name.as_str()), ("c1", "c1"));
    assert!(client.grant_types.authorization_code && !client.grant_types.refresh_token);
    assert_eq!(client.id_token_signed_response_alg, Algorithm::Rs256);
    assert_eq!(client.authentication.method_names(), ["client_secret_basic"]);
}

#[test]
fn a_full_registration_is_told_back_as_it_was_sent() {
    let mut sent = json!({
        "client_name": "Wiki", "application_type": "web", "redirect_uris": ["https://wiki.example.com/cb"],
        "post_logout_redirect_uris": ["https://wiki.example.com/bye"],
        "backchannel_logout_uri": "https://wiki.example.com/b", "backchannel_logout_session_required": true,
        "frontchannel_logout_uri": "https://wiki.example.com/f", "frontchannel_logout_session_required": true,
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256",
        "jwks": {"keys": [keys::key(Algorithm::Es256).public_jwk()]}, "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"], "id_token_signed_response_alg": "EdDSA", "subject_type": "public",
        "require_pushed_authorization_requests": true, "default_max_age": 60,
    });
    let client = register(&sent).unwrap();
    sent["client_id"] = json!("c1");
    sent["client_id_issued_at"] = json!(7);
    assert_eq!(json!(document(&client, Timestamp::from_seconds(7))), sent);
}

#[test]
fn the_secret_is_told_once_with_how_to_manage_the_registration() {
    let document = document(&register(&minimal()).unwrap(), Timestamp::from_seconds(0));
    assert!(json!(document).get("client_secret").is_none());
    let first = document.with_secret("drawn").with_management("https://id.example.com/oauth2/v1/clients/c1", "rat");
    assert!(!format!("{first:?}").contains("drawn"));
    let json = json!(first);
    assert_eq!((&json["client_secret"], &json["client_secret_expires_at"]), (&json!("drawn"), &json!(0)));
    assert_eq!(json["registration_access_token"], "rat");
}

#[test]
fn power_over_others_cannot_be_registered() {
    let mut json = minimal();
    for (name, value) in
        [("single_logout", json!("user")), ("confirm", json!("never")), ("token_audience", json!(["api"]))]
    {
        json[name] = value;
    }
    assert_eq!(register(&json), register(&minimal()));
}

#[test]
fn a_wrong_redirect_uri_has_a_code_of_its_own() {
    for uris in [
        json!([]),
        json!(["http://app.example.com/cb"]),
        json!(["https://app.example.com/cb#x"]),
        json!(["com.app:/cb"]),
    ] {
        let error = register(&json!({"redirect_uris": uris})).unwrap_err();
        assert_eq!((error.code, error.status()), (ErrorCode::InvalidRedirectUri, 400));
    }
}

#[test]
fn every_other_mistake_names_its_field() {
    for (name, value) in [
        ("client_name", json!("a\u{0007}b")),
        ("application_type", json!("toaster")),
        ("token_endpoint_auth_method", json!("client_secret_jwt")),
        ("grant_types", json!(["password"])),
        ("grant_types", json!(["refresh_token"])),
        ("response_types", json!(["code", "token"])),
        ("id_token_signed_response_alg", json!("none")),
        ("id_token_signed_response_alg", json!("HS256")),
        ("subject_type", json!("pairwise")),
        ("post_logout_redirect_uris", json!(["javascript:alert(1)"])),
        ("backchannel_logout_uri", json!("/relative")),
        ("frontchannel_logout_uri", json!("https://other.example.com/f")),
        ("frontchannel_logout_session_required", json!(true)),
    ] {
        let error = register(&with(name, value)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidClientMetadata);
        assert!(error.description().contains(name), "{name}: {error}");
    }
}

#[test]
fn keys_are_needed_for_assertions_in_exactly_one_place() {
    let jwks = json!({"keys": [keys::key(Algorithm::Es256).public_jwk()]});
    let by_jwt = |jwks: Value, uri: Value| {
        let mut json = with("token_endpoint_auth_method", json!("private_key_jwt"));
        json["jwks"] = jwks;
        json["jwks_uri"] = uri;
        register(&json)
    };
    assert!(by_jwt(jwks.clone(), json!(null)).is_ok());
    assert!(by_jwt(json!(null), json!("https://app.example.com/jwks")).is_ok());
    for (jwks, uri) in [
        (json!(null), json!(null)),
        (jwks, json!("https://app.example.com/jwks")),
        (json!({"keys": []}), json!(null)),
        (json!(null), json!("http://app.example.com/jwks")),
    ] {
        assert_eq!(by_jwt(jwks, uri).unwrap_err().code, ErrorCode::InvalidClientMetadata);
    }
}

#[test]
fn what_is_no_registration_is_refused() {
    for bad in ["", "[]", "null", "{", r#"{"redirect_uris": "x"}"#, r#"{"redirect_uris": [1]}"#] {
        assert_eq!(ClientMetadata::parse(bad.as_bytes()).unwrap_err().code, ErrorCode::InvalidClientMetadata, "{bad}");
    }
    let long = format!(r#"{{"x": "{}"}}"#, "a".repeat(MAX_METADATA));
    assert!(ClientMetadata::parse(long.as_bytes()).is_err());
    let many = vec!["https://app.example.com/cb"; 101];
    assert!(register(&json!({"redirect_uris": many})).is_err());
}

#[test]
fn an_update_must_name_its_own_client() {
    let update = with("client_id", json!("c1")).to_string();
    assert!(ClientMetadata::parse_update(update.as_bytes(), "c1").is_ok());
    assert!(ClientMetadata::parse_update(update.as_bytes(), "c2").is_err());
    assert!(ClientMetadata::parse_update(minimal().to_string().as_bytes(), "c1").is_err());
}

#[test]
fn a_registration_that_needs_a_secret_cannot_go_without() {
    let metadata = ClientMetadata::parse(minimal().to_string().as_bytes()).unwrap();
    assert_eq!(metadata.needs_secret(), Ok(true));
    let identity = Identity { app: AppId::new("d"), client_id: "c".into(), secret: None };
    assert!(metadata.into_client(identity).is_err());
    let public = with("token_endpoint_auth_method", json!("none"));
    assert_eq!(register(&public).unwrap().authentication, Authentication::None);
}
