use serde_json::json;

use super::*;

fn profile(map: &AttributeMap, claims: &Value) -> Profile {
    map.profile("u-1", claims.as_object().unwrap())
}

fn standard(claims: &Value) -> Profile {
    profile(&AttributeMap::default(), claims)
}

fn custom(path: &str) -> AttributeMap {
    AttributeMap { custom: BTreeMap::from([("own".to_owned(), path.to_owned())]), ..AttributeMap::default() }
}

#[test]
fn the_standard_claims_become_a_profile() {
    let profile = standard(&json!({
        "email": "Zoe@a.example", "email_verified": true, "given_name": "Zoë", "family_name": "Example",
        "name": " Zoë Example ", "groups": ["staff", "admins", "staff"], "picture": "https://a.example/z.png",
    }));
    let expected = Profile {
        idp_id: "u-1".into(),
        email: Some("Zoe@a.example".into()),
        email_verified: true,
        first_name: Some("Zoë".into()),
        last_name: Some("Example".into()),
        name: Some("Zoë Example".into()),
        groups: vec!["staff".into(), "admins".into()],
        custom: BTreeMap::new(),
        skipped: Vec::new(),
    };
    assert!(profile == expected);
    assert!(AttributeMap::default().check().is_ok());
}

#[test]
fn who_it_is_comes_from_the_subject_and_from_nothing_else() {
    let claims = json!({"sub": "somebody else", "idp_id": "x", "oid": "y"});
    assert_eq!(standard(&claims).idp_id, "u-1");
}

#[test]
fn what_is_not_there_is_not_there_and_is_no_mistake() {
    for claims in [json!({}), json!({"email": null, "name": "", "groups": null, "email_verified": null})] {
        let profile = standard(&claims);
        assert_eq!((profile.email, profile.name, profile.email_verified), (None, None, false));
        assert!(profile.groups.is_empty() && profile.skipped.is_empty());
    }
}

#[test]
fn a_claim_of_the_wrong_type_or_size_is_passed_over_and_named() {
    for (claim, attribute, value) in [
        ("email", "email", json!(["a@b.example"])),
        ("email", "email", json!("no address")),
        ("email", "email", json!("a@")),
        ("email", "email", json!("@b.example")),
        ("email", "email", json!("a@b@c.example")),
        ("email", "email", json!("a b@c.example")),
        ("email", "email", json!("Zoe <a@b.example>")),
        ("email", "email", json!("a@b.example,c@d.example")),
        ("email", "email", json!("a\r\n@b.example")),
        ("email", "email", json!(format!("{}@b.example", "a".repeat(MAX_EMAIL)))),
        ("email_verified", "email_verified", json!(1)),
        ("email_verified", "email_verified", json!("yes")),
        ("given_name", "first_name", json!({"en": "Zoe"})),
        ("family_name", "last_name", json!(7)),
        ("name", "name", json!("x".repeat(MAX_NAME + 1))),
        ("name", "name", json!("a\u{0}b")),
        ("name", "name", json!("  ")),
        ("groups", "groups", json!({"staff": true})),
        ("groups", "groups", json!(7)),
    ] {
        let profile = standard(&json!({ claim: value }));
        assert_eq!(profile.skipped, [attribute], "{claim} {value}");
        let without = Profile { skipped: Vec::new(), ..profile };
        assert!(without == standard(&json!({})), "{claim} {value}");
    }
}

#[test]
fn an_address_is_verified_only_when_there_is_one_and_the_provider_says_so() {
    let verified = |value: Value| standard(&json!({"email": "a@b.example", "email_verified": value})).email_verified;
    assert!(verified(json!(true)) && verified(json!("true")));
    for no in [json!(false), json!("false"), json!(null), json!("True"), json!(1), json!(["true"])] {
        assert!(!verified(no.clone()), "{no}");
    }
    assert!(!standard(&json!({"email": "a@b.example"})).email_verified);
    assert!(!standard(&json!({"email_verified": true})).email_verified);
    assert!(!standard(&json!({"email": "broken", "email_verified": true})).email_verified);
}

#[test]
fn groups_are_a_list_or_one_text_and_what_is_no_group_among_them_is_passed_over() {
    assert_eq!(standard(&json!({"groups": "staff, all"})).groups, ["staff, all"]);
    let mixed = standard(&json!({"groups": ["a", 7, {"name": "b"}, "", "c", "x".repeat(MAX_GROUP + 1), "d\n"]}));
    assert_eq!(
        (mixed.groups.as_slice(), mixed.skipped.as_slice()),
        (&["a".into(), "c".into(), "d".into()][..], &["groups".to_owned()][..])
    );
    let many: Vec<String> = (0..MAX_GROUPS + 5).map(|number| number.to_string()).collect();
    let many = standard(&json!({ "groups": many }));
    assert_eq!((many.groups.len(), many.skipped.len()), (MAX_GROUPS, 1));
}

#[test]
fn a_path_leads_into_objects_and_a_claim_of_that_very_name_wins() {
    let claims = json!({
        "resource_access": {"wiki": {"roles": ["editor"]}}, "a": {"b": 1}, "a.b": 2,
        "https://a.example/roles": ["admin"],
    });
    let own = |path: &str| profile(&custom(path), &claims).custom.get("own").cloned();
    assert_eq!(own("resource_access.wiki.roles"), Some(json!(["editor"])));
    assert_eq!(own("a.b"), Some(json!(2)));
    assert_eq!(own("https://a.example/roles"), Some(json!(["admin"])));
    for nowhere in ["resource_access.mail.roles", "a.b.c", "resource_access.wiki.roles.0", "x", "a."] {
        assert_eq!(own(nowhere), None, "{nowhere}");
    }
    let map = AttributeMap { groups: "resource_access.wiki.roles".into(), ..AttributeMap::default() };
    assert_eq!(profile(&map, &claims).groups, ["editor"]);
}

#[test]
fn an_own_attribute_is_plain_or_a_list_of_plain_values_within_bounds() {
    let own = |value: Value| {
        let profile = profile(&custom("claim"), &json!({ "claim": value }));
        (profile.custom.get("own").cloned(), profile.skipped)
    };
    for good in [json!("x"), json!(7), json!(false), json!(["x", 7, true]), json!([]), json!("two\nlines")] {
        assert_eq!(own(good.clone()), (Some(good), Vec::new()));
    }
    for bad in [
        json!({"a": 1}),
        json!([["x"]]),
        json!([null]),
        json!("a\u{0}b"),
        json!("x".repeat(MAX_TEXT + 1)),
        json!(vec![0; MAX_ENTRIES + 1]),
        json!(["x".repeat(MAX_TEXT + 1)]),
    ] {
        assert_eq!(own(bad), (None, vec!["own".to_owned()]));
    }
}

#[test]
fn a_map_that_cannot_be_used_is_refused_when_it_is_configured() {
    let path = |path: &str| custom(path).check();
    assert_eq!(path("a.b.c"), Ok(()));
    assert_eq!(path("https://a.example/roles"), Ok(()));
    for bad in ["", "a..b", ".a", "a.", "a\n", "a.b.c.d.e.f.g.h.i", &"x".repeat(MAX_PATH + 1)] {
        assert_eq!(path(bad), Err(AttributeMapError::Path("own".into())), "{bad}");
    }
    let empty = AttributeMap { email: String::new(), ..AttributeMap::default() };
    assert_eq!(empty.check(), Err(AttributeMapError::Path("email".into())));
    let named = |name: String| {
        let custom = BTreeMap::from([(name, "a".to_owned())]);
        AttributeMap { custom, ..AttributeMap::default() }.check()
    };
    for bad in [String::new(), "a\0".to_owned(), "x".repeat(MAX_PATH + 1)] {
        assert_eq!(named(bad), Err(AttributeMapError::Name));
    }
    let many = (0..=MAX_CUSTOM).map(|number| (number.to_string(), "a".to_owned())).collect();
    let many = AttributeMap { custom: many, ..AttributeMap::default() };
    assert_eq!(many.check(), Err(AttributeMapError::TooMany));
}

#[test]
fn a_map_is_read_with_its_defaults_and_without_what_it_does_not_know() {
    let map: AttributeMap = serde_json::from_value(json!({"groups": "roles", "custom": {"team": "dept"}})).unwrap();
    assert_eq!((map.groups.as_str(), map.email.as_str(), map.custom["team"].as_str()), ("roles", "email", "dept"));
    assert!(serde_json::from_value::<AttributeMap>(json!({"idp_id": "oid"})).is_err());
}

#[test]
fn a_profile_does_not_show_the_person() {
    let shown = format!("{:?}", standard(&json!({"email": "zoe@a.example", "name": "Zoë"})));
    assert!(shown.contains("u-1") && !shown.contains("zoe@") && !shown.contains("Zoë"), "{shown}");
}
