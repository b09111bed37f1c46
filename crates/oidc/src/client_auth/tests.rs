use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

use super::*;
use crate::{
    client::{
        SecretDigest,
        tests::{payroll, phone},
    },
    jose::{Algorithm, tests as keys},
};

const SECRET: &str = "a secret of thirty-two bytes or more";
const AUDIENCES: [&str; 1] = [keys::ISSUER];

fn params(body: &str) -> Params {
    Params::parse(body.as_bytes()).unwrap()
}

fn header(id: &str, secret: &str) -> String {
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", part(id), part(secret))))
}

fn verify(client: &Client, authorization: Option<&str>, body: &str) -> Result<Proof, OAuthError> {
    Credentials::parse(authorization, &params(body))?.verify(Some(client), None, &AUDIENCES, keys::NOW)
}

fn only(via: SecretMethod) -> Client {
    Client { authentication: Authentication::secret(via, SECRET), ..payroll() }
}

fn code(result: Result<Proof, OAuthError>) -> ErrorCode {
    result.unwrap_err().code
}

const BODY: &str = "client_id=payroll&client_secret=a+secret+of+thirty-two+bytes+or+more";

#[test]
fn a_secret_is_taken_by_the_registered_method_only() {
    let basic = header("payroll", SECRET);
    assert_eq!(verify(&only(SecretMethod::Basic), Some(&basic), ""), Ok(Proof::Secret));
    assert_eq!(verify(&only(SecretMethod::Post), None, BODY), Ok(Proof::Secret));
    assert_eq!(verify(&payroll(), Some(&basic), "client_id=payroll"), Ok(Proof::Secret));
    assert_eq!(verify(&payroll(), None, BODY), Ok(Proof::Secret));
    assert_eq!(code(verify(&only(SecretMethod::Post), Some(&basic), "")), ErrorCode::InvalidClient);
    assert_eq!(code(verify(&only(SecretMethod::Basic), None, BODY)), ErrorCode::InvalidClient);
}

#[test]
fn a_wrong_or_missing_secret_is_refused() {
    for wrong in ["", "a secret", &format!("{SECRET} "), &SECRET.to_uppercase()] {
        assert_eq!(code(verify(&payroll(), Some(&header("payroll", wrong)), "")), ErrorCode::InvalidClient);
    }
    assert_eq!(code(verify(&payroll(), None, "client_id=payroll")), ErrorCode::InvalidClient);
    assert_eq!(code(verify(&payroll(), None, "")), ErrorCode::InvalidClient);
}

#[test]
fn each_of_two_secrets_is_good_while_one_is_being_changed() {
    let digests = vec![SecretDigest::of("old"), SecretDigest::of("new")];
    let client = Client { authentication: Authentication::Secret { via: SecretMethod::Basic, digests }, ..payroll() };
    for secret in ["old", "new"] {
        assert!(verify(&client, Some(&header("payroll", secret)), "").is_ok());
    }
    assert!(verify(&client, Some(&header("payroll", "older")), "").is_err());
}

#[test]
fn the_header_is_form_decoded() {
    let secret = "per%cent + colon: é";
    let client = Client { authentication: Authentication::secret(SecretMethod::Basic, secret), ..payroll() };
    assert!(verify(&client, Some(&header("payroll", secret)), "").is_ok());
}

#[test]
fn a_broken_header_is_refused() {
    let no_colon = format!("Basic {}", BASE64_STANDARD.encode("payroll"));
    let nameless = format!("Basic {}", BASE64_STANDARD.encode(":x"));
    let latin = format!("Basic {}", BASE64_STANDARD.encode(b"payroll:\xff"));
    let long = format!("Basic {}", "A".repeat(5000));
    for bad in ["", "Basic", "Basic !!!", "Bearer abc", &no_colon, &nameless, &latin, &long] {
        assert_eq!(code(verify(&payroll(), Some(bad), "")), ErrorCode::InvalidClient, "{bad:.30}");
    }
}

#[test]
fn two_ways_at_once_are_an_error() {
    let basic = header("payroll", SECRET);
    let assertion = format!("client_assertion_type={JWT_BEARER}&client_assertion=a.b.c");
    for (authorization, body) in
        [(Some(basic.as_str()), BODY), (Some(&basic), &assertion), (None, &format!("{BODY}&{assertion}"))]
    {
        assert_eq!(code(verify(&payroll(), authorization, body)), ErrorCode::InvalidRequest);
    }
    assert_eq!(code(verify(&payroll(), Some(&basic), "client_id=wiki")), ErrorCode::InvalidRequest);
}

#[test]
fn a_public_client_has_nothing_to_prove_and_others_cannot_pose_as_one() {
    assert_eq!(verify(&phone(), None, "client_id=phone"), Ok(Proof::Public));
    assert_eq!(code(verify(&payroll(), None, "client_id=payroll")), ErrorCode::InvalidClient);
    assert_eq!(code(verify(&phone(), None, "client_id=phone&client_secret=x")), ErrorCode::InvalidClient);
}

#[test]
fn an_unknown_client_and_a_lookup_of_another_are_refused() {
    let credentials = Credentials::parse(None, &params("client_id=phone")).unwrap();
    assert_eq!(code(credentials.verify(None, None, &AUDIENCES, keys::NOW)), ErrorCode::InvalidClient);
    assert_eq!(code(credentials.verify(Some(&payroll()), None, &AUDIENCES, keys::NOW)), ErrorCode::InvalidClient);
}

mod assertions {
    use super::*;

    fn client(keys: ClientKeys) -> Client {
        Client { authentication: Authentication::PrivateKeyJwt { keys, alg: None }, ..payroll() }
    }

    fn body(client_id: &str) -> String {
        let exp = keys::NOW.as_seconds() + 60;
        let claims = json!({"iss": client_id, "sub": client_id, "aud": keys::ISSUER, "exp": exp, "jti": "a1"});
        let token = keys::forge(&keys::key(Algorithm::Ps256), "JWT", &claims);
        format!("client_assertion_type={JWT_BEARER}&client_assertion={token}")
    }

    fn jwks() -> serde_json::Value {
        json!({"keys": [keys::key(Algorithm::Ps256).public_jwk()]})
    }

    #[test]
    fn an_assertion_proves_its_client_by_inline_or_fetched_keys() {
        let inline = client(ClientKeys::Jwks(jwks()));
        assert!(matches!(verify(&inline, None, &body("payroll")), Ok(Proof::Assertion(_))));
        let by_uri = client(ClientKeys::JwksUri("https://payroll.example.com/jwks".into()));
        assert_eq!(code(verify(&by_uri, None, &body("payroll"))), ErrorCode::InvalidClient);
        let fetched = Jwks::from_value(&jwks()).unwrap();
        let credentials = Credentials::parse(None, &params(&body("payroll"))).unwrap();
        assert!(credentials.verify(Some(&by_uri), Some(&fetched), &AUDIENCES, keys::NOW).is_ok());
    }

    #[test]
    fn an_assertion_of_another_client_or_for_a_client_with_a_secret_is_refused() {
        let inline = client(ClientKeys::Jwks(jwks()));
        assert_eq!(code(verify(&inline, None, &body("wiki"))), ErrorCode::InvalidClient);
        assert_eq!(code(verify(&payroll(), None, &body("payroll"))), ErrorCode::InvalidClient);
        assert_eq!(code(verify(&inline, None, BODY)), ErrorCode::InvalidClient);
    }

    #[test]
    fn half_an_assertion_is_an_error() {
        for half in ["client_assertion=a.b.c", "client_assertion_type=x&client_assertion=a.b.c"] {
            assert_eq!(code(verify(&payroll(), None, half)), ErrorCode::InvalidRequest);
        }
        let no_token = format!("client_assertion_type={JWT_BEARER}");
        assert_eq!(code(verify(&payroll(), None, &no_token)), ErrorCode::InvalidRequest);
    }
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let credentials = Credentials::parse(None, &params(BODY)).unwrap();
    assert_eq!(format!("{credentials:?}"), "Credentials(payroll, client_secret_post)");
}
