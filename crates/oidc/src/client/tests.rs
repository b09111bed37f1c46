use super::*;

/// A confidential client with one URI of each kind.
pub(crate) fn payroll() -> Client {
    let authentication = Authentication::secret(SecretMethod::Either, "a secret of thirty-two bytes or more");
    Client {
        name: "Payroll".into(),
        redirect_uris: vec!["https://payroll.example.com/callback".into()],
        post_logout_redirect_uris: vec!["https://payroll.example.com/bye".into()],
        backchannel_logout_uri: Some("https://payroll.example.com/backchannel".into()),
        frontchannel_logout_uri: Some("https://payroll.example.com/frontchannel".into()),
        ..Client::new(AppId::new("payroll"), "payroll", authentication)
    }
}

/// A public client.
pub(crate) fn phone() -> Client {
    Client {
        redirect_uris: vec!["http://127.0.0.1/cb".into(), "com.example.phone:/cb".into()],
        native: true,
        ..Client::new(AppId::new("phone"), "phone", Authentication::None)
    }
}

fn fields(client: &Client) -> Vec<&'static str> {
    client.problems().into_iter().map(|problem| problem.field).collect()
}

#[test]
fn a_good_client_has_no_problems() {
    assert_eq!(payroll().problems(), []);
    assert_eq!(phone().problems(), []);
}

#[test]
fn every_mistake_is_found_and_named() {
    let client = Client {
        client_id: "a b".into(),
        name: "Pay\u{202e}roll".into(),
        redirect_uris: vec!["http://payroll.example.com/callback".into(), "https://ok.example/".into()],
        post_logout_redirect_uris: vec!["https://*.example.com/".into()],
        backchannel_logout_uri: Some("https://payroll.example.com/b#f".into()),
        frontchannel_logout_uri: Some("https://elsewhere.example.com/f".into()),
        state_min_length: 10_000,
        authentication: Authentication::Secret { via: SecretMethod::Basic, digests: vec![] },
        ..payroll()
    };
    assert_eq!(
        fields(&client),
        [
            "client_id",
            "name",
            "redirect_uris",
            "post_logout_redirect_uris",
            "backchannel_logout_uri",
            "frontchannel_logout_uri",
            "client_secret",
            "state_min_length",
        ]
    );
}

#[test]
fn a_front_channel_uri_of_another_origin_is_refused() {
    for uri in ["https://payroll.example.com:8443/f", "https://example.com/f", "http://localhost/f"] {
        let client = Client { frontchannel_logout_uri: Some(uri.into()), ..payroll() };
        assert_eq!(fields(&client), ["frontchannel_logout_uri"], "{uri}");
    }
}

#[test]
fn a_back_channel_uri_may_have_another_origin() {
    let client = Client { backchannel_logout_uri: Some("https://hooks.example.net/x?t=1".into()), ..payroll() };
    assert_eq!(client.problems(), []);
}

#[test]
fn a_private_scheme_is_for_public_native_clients() {
    for client in [Client { native: false, ..phone() }, Client { authentication: payroll().authentication, ..phone() }]
    {
        assert_eq!(fields(&client), ["redirect_uris"]);
    }
}

#[test]
fn a_session_flag_without_its_uri_is_a_mistake() {
    let client = Client {
        backchannel_logout_uri: None,
        backchannel_logout_session_required: true,
        frontchannel_logout_uri: None,
        frontchannel_logout_session_required: true,
        ..payroll()
    };
    assert_eq!(fields(&client), ["backchannel_logout_session_required", "frontchannel_logout_session_required"]);
}

#[test]
fn redirects_are_compared_as_strings() {
    let client = payroll();
    assert!(client.may_redirect_to("https://payroll.example.com/callback"));
    assert!(client.may_land_at("https://payroll.example.com/bye"));
    for other in [
        "https://payroll.example.com/bye/",
        "https://payroll.example.com/bye?",
        "https://payroll.example.com:443/bye",
        "https://PAYROLL.example.com/bye",
        "https://payroll.example.com/%62ye",
        "https://payroll.example.com/callback",
        "",
    ] {
        assert!(!client.may_land_at(other), "{other}");
    }
    assert!(!client.may_redirect_to("https://payroll.example.com/bye"));
}

#[test]
fn a_native_client_chooses_its_loopback_port() {
    assert!(phone().may_redirect_to("http://127.0.0.1:51004/cb"));
    assert!(!Client { native: false, ..phone() }.may_redirect_to("http://127.0.0.1:51004/cb"));
}

#[test]
fn a_participant_keeps_how_the_client_is_told() {
    let channels = payroll().channels();
    assert_eq!(channels.back.unwrap().alg, "RS256");
    assert!(!channels.front.unwrap().session_required);
    assert_eq!(channels.preference, Preference::BackChannel);
}

#[test]
fn a_client_survives_its_json_without_its_secret() {
    let json = serde_json::to_string(&payroll()).unwrap();
    assert!(!json.contains("thirty-two"));
    assert_eq!(serde_json::from_str::<Client>(&json).unwrap(), payroll());
    assert!(!format!("{:?}", payroll()).contains("thirty-two"));
}

#[test]
fn a_secret_fits_its_digest_only() {
    let digest = SecretDigest::of("right");
    assert!(digest.matches("right") && !digest.matches("wrong") && !digest.matches(""));
}
