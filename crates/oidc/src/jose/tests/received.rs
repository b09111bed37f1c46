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

mod logout_token {
    use super::*;

    const EVENT: &str = super::super::super::logout_token::EVENT;

    fn rules() -> LogoutTokenRules<'static> {
        LogoutTokenRules { issuer: ISSUER, client_id: "payroll", alg: Algorithm::Rs256, require_typ: false }
    }

    fn claims() -> Value {
        json!({"iss": ISSUER, "aud": "payroll", "iat": seconds(0), "exp": seconds(120), "jti": "j1",
               "events": {EVENT: {}}, "sub": "alice", "sid": "s1"})
    }

    fn judge(claims: &Value) -> Result<LogoutToken, LogoutTokenError> {
        let token = forge(&key(Algorithm::Rs256), "logout+jwt", claims);
        verify_logout_token(&jwks(Algorithm::Rs256), rules(), &token, NOW)
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    #[test]
    fn one_of_ours_is_good() {
        for alg in Algorithm::ALL {
            let token = key(alg).sign_logout_token(&logout_claims(session())).unwrap();
            let judged =
                verify_logout_token(&jwks(alg), LogoutTokenRules { alg, require_typ: true, ..rules() }, &token, NOW);
            let judged = judged.unwrap();
            assert_eq!((judged.subject, &*judged.jti), (session(), "j1"));
        }
    }

    #[test]
    fn it_may_name_the_subject_alone_or_the_session_alone() {
        let mut bare = claims();
        bare.as_object_mut().unwrap().remove("sid");
        assert_eq!(judge(&bare).unwrap().subject, LogoutSubject::User { sub: "alice".into() });
        let mut bare = claims();
        bare.as_object_mut().unwrap().remove("sub");
        assert_eq!(judge(&bare).unwrap().subject, LogoutSubject::Session { sid: "s1".into(), sub: None });
    }

    #[test]
    fn each_rule_is_kept() {
        let malformed = LogoutTokenError::Jws(JwsError::Malformed);
        let mut nameless = with("sid", json!(""));
        nameless["sub"] = json!("");
        for (claims, error) in [
            (with("iss", json!("https://other.example")), LogoutTokenError::Issuer), // BC-23
            (with("aud", json!("wiki")), LogoutTokenError::Audience),
            (with("aud", json!(["wiki", "mail"])), LogoutTokenError::Audience),
            (with("iat", json!(seconds(61))), LogoutTokenError::Time),
            (with("exp", json!(seconds(-60))), LogoutTokenError::Time),
            (with("exp", json!(seconds(90_000))), LogoutTokenError::Time),
            (with("exp", json!(null)), malformed),
            (with("iat", json!(null)), malformed),
            (with("jti", json!(null)), malformed),
            (nameless, LogoutTokenError::Subject),                 // BC-24
            (with("events", json!({})), LogoutTokenError::Events), // BC-25
            (with("events", json!({EVENT: true})), LogoutTokenError::Events),
            (with("events", json!([EVENT])), LogoutTokenError::Events),
            (with("events", json!({"https://other.example/event": {}})), LogoutTokenError::Events),
            (with("nonce", json!("n")), LogoutTokenError::Nonce), // BC-26
            (with("nonce", json!(null)), LogoutTokenError::Nonce),
        ] {
            assert_eq!(judge(&claims), Err(error), "{claims}");
        }
    }

    #[test]
    fn unknown_claims_and_further_events_are_ignored() {
        // BC-11
        let mut claims = with("trace", json!({"a": [1]}));
        claims["events"]["https://other.example/event"] = json!({});
        claims["aud"] = json!(["payroll", "wiki"]);
        claims["exp"] = json!(seconds(120) as f64 + 0.5);
        assert!(judge(&claims).is_ok());
    }

    #[test]
    fn an_id_token_is_no_logout_token() {
        let token = key(Algorithm::Rs256).sign_id_token(&id_token_claims()).unwrap();
        assert!(verify_logout_token(&jwks(Algorithm::Rs256), rules(), &token, NOW).is_err());
    }

    #[test]
    fn only_the_registered_algorithm_is_taken() {
        // BC-21, BC-22
        let token = forge(&key(Algorithm::Es256), "logout+jwt", &claims());
        let judged = verify_logout_token(&jwks(Algorithm::Es256), rules(), &token, NOW);
        assert_eq!(judged, Err(LogoutTokenError::Jws(JwsError::Algorithm)));
    }

    #[test]
    fn a_type_may_be_left_out_unless_it_is_required_and_never_be_another() {
        // BC-14
        let judge = |typ: &str, require_typ| {
            let token = forge(&key(Algorithm::Rs256), typ, &claims());
            verify_logout_token(&jwks(Algorithm::Rs256), LogoutTokenRules { require_typ, ..rules() }, &token, NOW)
        };
        for typ in ["logout+jwt", "LOGOUT+JWT", "application/logout+jwt"] {
            assert!(judge(typ, true).is_ok(), "{typ}");
        }
        assert!(judge("JWT", false).is_ok());
        assert_eq!(judge("JWT", true), Err(LogoutTokenError::Type));
        assert_eq!(judge("at+jwt", false), Err(LogoutTokenError::Type));
    }
}
