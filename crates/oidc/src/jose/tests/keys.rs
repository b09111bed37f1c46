use jsonwebtoken as peer;

use super::*;

/// Reads a token with an independent library, by our published key.
fn read_by_peer(token: &str, alg: Algorithm) -> (peer::Header, Value) {
    let jwk: peer::jwk::Jwk = serde_json::from_value(json!(key(alg).public_jwk())).unwrap();
    let algorithm = match alg {
        Algorithm::Rs256 => peer::Algorithm::RS256,
        Algorithm::Es256 => peer::Algorithm::ES256,
        Algorithm::Ps256 => peer::Algorithm::PS256,
        Algorithm::EdDsa => peer::Algorithm::EdDSA,
    };
    let mut validation = peer::Validation::new(algorithm);
    validation.validate_exp = false;
    validation.set_audience(&["payroll"]);
    let data = peer::decode::<Value>(token, &peer::DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap();
    (data.header, data.claims)
}

#[test]
fn every_algorithm_is_understood_by_an_independent_reader() {
    for alg in Algorithm::ALL {
        let (header, claims) = read_by_peer(&key(alg).sign_id_token(&id_token_claims()).unwrap(), alg);
        assert_eq!((header.typ.as_deref(), header.kid.as_deref()), (Some("JWT"), Some(key(alg).kid())));
        assert_eq!(
            claims,
            json!({"iss": ISSUER, "sub": "alice", "aud": "payroll", "exp": 1_700_003_600, "iat": 1_700_000_000,
                   "auth_time": 1_699_999_999, "nonce": "n", "amr": ["pwd"], "sid": "s1"})
        );
    }
}

#[test]
fn a_logout_token_has_exactly_the_claims_of_the_specification() {
    // BC-7 to BC-10, BC-14, BC-35
    let (header, claims) =
        read_by_peer(&key(Algorithm::Es256).sign_logout_token(&logout_claims(session())).unwrap(), Algorithm::Es256);
    assert_eq!(header.typ.as_deref(), Some("logout+jwt"));
    let mut expected = json!({"iss": ISSUER, "aud": "payroll", "iat": 1_800_000_000, "exp": 1_800_000_120, "jti": "j1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}}, "sub": "alice", "sid": "s1"});
    assert_eq!(claims, expected);

    let user = logout_claims(LogoutSubject::User { sub: "alice".into() });
    let (_, claims) = read_by_peer(&key(Algorithm::Rs256).sign_logout_token(&user).unwrap(), Algorithm::Rs256);
    expected.as_object_mut().unwrap().remove("sid");
    assert_eq!(claims, expected);
}

#[test]
fn a_key_survives_its_pkcs8_and_keeps_its_name() {
    for alg in Algorithm::ALL {
        let again = SigningKey::from_pkcs8(alg, &key(alg).to_pkcs8().unwrap()).unwrap();
        assert_eq!(again.public_jwk(), key(alg).public_jwk());
        let token = again.sign_id_token(&id_token_claims()).unwrap();
        assert!(verify_id_token_hint(keyset().verifying(), ISSUER, &token).is_ok(), "{alg:?}");
    }
}

#[test]
fn a_key_of_another_kind_or_broken_is_rejected() {
    let ec = key(Algorithm::Es256).to_pkcs8().unwrap();
    for alg in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::EdDsa] {
        assert_eq!(SigningKey::from_pkcs8(alg, &ec).unwrap_err(), KeyError::Rejected);
    }
    assert!(SigningKey::from_pkcs8(Algorithm::Es256, &ec[..ec.len() - 1]).is_err());
    assert!(SigningKey::from_pkcs8(Algorithm::Es256, b"").is_err());
}

#[test]
fn a_name_is_the_thumbprint_that_the_specification_computes() {
    // RFC 8037 appendix A.3; the other kinds are checked against an independent library.
    let ed = PublicJwk::ed25519("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into());
    assert_eq!(ed.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    for alg in Algorithm::ALL {
        let jwk: peer::jwk::Jwk = serde_json::from_value(json!(key(alg).public_jwk())).unwrap();
        assert_eq!(jwk.thumbprint(peer::jwk::ThumbprintHash::SHA256).unwrap(), key(alg).kid());
    }
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let key = key(Algorithm::EdDsa);
    assert_eq!(format!("{key:?}"), format!("SigningKey(EdDSA, {})", key.kid()));
}

#[test]
fn a_published_key_says_what_it_is_for_and_has_no_private_part() {
    for key in &keyset().document().keys {
        let json = json!(key);
        assert_eq!(json["use"], "sig");
        assert!(json["alg"].is_string() && json.get("d").is_none());
    }
}

#[test]
fn keys_sign_in_their_time_and_are_published_before_and_after() {
    let [next, active, retired] = [(); 3].map(|()| Arc::new(SigningKey::generate(Algorithm::EdDsa).unwrap()));
    let set =
        KeySet::new(vec![(next.clone(), Role::Next), (active.clone(), Role::Active), (retired.clone(), Role::Retired)]);
    assert_eq!(set.document().keys.len(), 3);
    assert_eq!(set.signer(Algorithm::EdDsa).unwrap().kid(), active.kid());
    assert!(set.signer(Algorithm::Rs256).is_none());
    assert_eq!(set.algorithms(), [Algorithm::EdDsa]);
    let hint = |key: &SigningKey| {
        verify_id_token_hint(set.verifying(), ISSUER, &key.sign_id_token(&id_token_claims()).unwrap())
    };
    // The next one's too: another node's clock may run ahead of this one's, or this one may have been set back.
    assert!([&next, &active, &retired].into_iter().all(|key| hint(key).is_ok()));
    let foreign = SigningKey::generate(Algorithm::EdDsa).unwrap();
    assert_eq!(hint(&foreign), Err(HintError::Jws(JwsError::UnknownKey)));
}

#[test]
fn the_half_hash_is_that_of_the_specification() {
    // OpenID Connect Core appendix A.3: at_hash for RS256.
    assert_eq!(Algorithm::Rs256.half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(
        Algorithm::Rs256.half_hash("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"),
        "LDktKdoQak3Pk0cnXxCltA"
    );
    assert_eq!(Algorithm::EdDsa.half_hash("x").len(), 43);
}

#[test]
fn a_foreign_key_set_is_read_as_far_as_it_is_understood() {
    let ours = json!(key(Algorithm::Es256).public_jwk());
    let with = |change: &[(&str, Value)]| {
        let mut jwk = ours.clone();
        for (name, value) in change {
            jwk[*name] = value.clone();
        }
        jwk
    };
    let usable = |keys: Value| Jwks::from_value(&json!({"keys": keys})).map(|set| set.has(Algorithm::Es256));
    assert_eq!(usable(json!([{"kty": "XYZ"}, 7, {"kty": "EC", "crv": "P-521"}, ours])), Ok(true));
    for skipped in [
        with(&[("use", json!("enc"))]),
        with(&[("alg", json!("ES384"))]),
        with(&[("key_ops", json!(["sign"]))]),
        with(&[("x", json!("AAAA"))]),
        with(&[("y", ours["x"].clone())]),
        with(&[("crv", json!("secp256k1"))]),
    ] {
        assert_eq!(usable(json!([skipped])), Ok(false), "{skipped}");
    }
    assert_eq!(usable(json!([with(&[("d", json!("x"))])])), Err(JwksError::NotPublic));
    assert_eq!(usable(json!([{"kty": "oct", "k": "AAAA"}])), Err(JwksError::NotPublic));
    assert_eq!(usable(json!(vec![ours.clone(); 101])), Err(JwksError::TooLarge));
    for bad in ["", "[]", "{}", r#"{"keys": 1}"#] {
        assert_eq!(Jwks::parse(bad.as_bytes()).unwrap_err(), JwksError::Malformed, "{bad}");
    }
    assert_eq!(Jwks::parse(&[b' '; 300_000]).unwrap_err(), JwksError::TooLarge);
}

#[test]
fn an_rsa_key_without_alg_serves_both_paddings_and_a_short_one_none() {
    let mut jwk = json!(key(Algorithm::Rs256).public_jwk());
    jwk.as_object_mut().unwrap().remove("alg");
    let set = Jwks::from_value(&json!({"keys": [jwk]})).unwrap();
    assert!(set.has(Algorithm::Rs256) && set.has(Algorithm::Ps256));
    jwk["n"] = json!(encode(&[0xff; 128]));
    assert!(Jwks::from_value(&json!({"keys": [jwk]})).unwrap().is_empty());
}
