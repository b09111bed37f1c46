//! Tokens that others sign: client assertions, and logout tokens of an upstream provider.

use super::*;

const TOKEN_ENDPOINT: &str = "https://id.example.com/oauth2/v1/token";

fn jwks(alg: Algorithm) -> Jwks {
    Jwks::from_value(&json!({"keys": [key(alg).public_jwk()]})).unwrap()
}

fn seconds(after: i64) -> i64 {
    NOW.as_seconds() + after
}

mod client_assertion {
    use super::*;

    fn claims() -> Value {
        json!({"iss": "payroll", "sub": "payroll", "aud": TOKEN_ENDPOINT, "exp": seconds(60), "iat": seconds(0),
               "jti": "a1"})
    }

    fn judge(typ: &str, claims: &Value, only: Option<Algorithm>) -> Result<ClientAssertion, ClientAssertionError> {
        let token = forge(&key(Algorithm::Es256), typ, claims);
        let audiences = [ISSUER, TOKEN_ENDPOINT];
        verify_client_assertion(&jwks(Algorithm::Es256), only, "payroll", &audiences, &token, NOW)
    }

    #[test]
    fn a_good_one_proves_its_client_until_it_expires() {
        let good = judge("JWT", &claims(), None).unwrap();
        assert_eq!((&*good.jti, good.remember_until), ("a1", Timestamp::from_seconds(seconds(120))));
        assert!(judge("client-authentication+jwt", &claims(), Some(Algorithm::Es256)).is_ok());
    }

    #[test]
    fn each_rule_is_kept() {
        for (name, value, error) in [
            ("iss", json!("wiki"), ClientAssertionError::Client),
            ("sub", json!("alice"), ClientAssertionError::Client),
            ("aud", json!("https://other.example"), ClientAssertionError::Audience),
            ("aud", json!([ISSUER, "https://other.example"]), ClientAssertionError::Audience),
            ("aud", json!([]), ClientAssertionError::Audience),
            ("exp", json!(seconds(-60)), ClientAssertionError::Time),
            ("exp", json!(seconds(3661)), ClientAssertionError::Time),
            ("nbf", json!(seconds(61)), ClientAssertionError::Time),
            ("iat", json!(seconds(61)), ClientAssertionError::Time),
            ("jti", json!(""), ClientAssertionError::Jti),
            ("jti", json!("x".repeat(256)), ClientAssertionError::Jti),
            ("jti", json!(null), ClientAssertionError::Jws(JwsError::Malformed)),
            ("exp", json!(null), ClientAssertionError::Jws(JwsError::Malformed)),
        ] {
            let mut claims = claims();
            claims[name] = value;
            assert_eq!(judge("JWT", &claims, None), Err(error), "{claims}");
        }
        assert_eq!(judge("logout+jwt", &claims(), None), Err(ClientAssertionError::Type));
        assert_eq!(judge("at+jwt", &claims(), None), Err(ClientAssertionError::Type));
        let only = Some(Algorithm::Rs256);
        assert_eq!(judge("JWT", &claims(), only), Err(ClientAssertionError::Jws(JwsError::Algorithm)));
    }

    #[test]
    fn a_key_of_another_client_proves_nothing() {
        let token = forge(&SigningKey::generate(Algorithm::Es256).unwrap(), "JWT", &claims());
        let judged = verify_client_assertion(&jwks(Algorithm::Es256), None, "payroll", &[ISSUER], &token, NOW);
        assert_eq!(judged, Err(ClientAssertionError::Jws(JwsError::UnknownKey)));
    }

    #[test]
    fn the_client_to_look_up_is_read_without_belief() {
        let read = super::super::super::client_assertion::unverified_client_id;
        assert_eq!(read(&forge(&key(Algorithm::Es256), "JWT", &claims())).as_deref(), Some("payroll"));
        for bad in ["", "a.b.c", "....", "a.e30.c", &"a".repeat(20_000)] {
            assert_eq!(read(bad), None, "{bad:.20}");
        }
    }
}

mod logout_token;
