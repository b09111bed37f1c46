//! What the log shows of SAML messages to whoever looks for the reason of something.

use acquit_saml::binding::redirect;
use acquit_testkit::{
    Browser, Engine, Setup, SpRegistration,
    browser::Load,
    sp::{Binding, Brought, artifact_in, ride, ride_up_to},
};

#[tokio::test]
async fn at_debug_the_log_shows_messages_without_their_secrets() {
    let mut sps = Vec::new();
    let mut setup = Setup::on(Engine::Sqlite).env("ACQUIT_LOG", "debug");
    for (id, by) in [("wiki", Binding::Redirect), ("forum", Binding::Post), ("files", Binding::Soap)] {
        let sp = SpRegistration::new(id, by).with("attributes = { mail = \"email\" }").start().await;
        setup = setup.with(&sp.configuration());
        sps.push(sp);
    }
    let app = setup.program(&[]).await;
    let browser = Browser::new();
    for sp in &sps {
        sp.trust(app.as_issuer());
        let page = sp.begin(&browser, "relay=relay-secret").await;
        if page.mark().as_deref() == Some("sign-in") {
            let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
            assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
        }
    }
    let sessions: Vec<_> = sps.iter().map(|sp| sp.session(&browser)).collect();
    let wiki = &sps[0];
    let request = wiki.logout_request(&browser, Binding::Redirect).await;
    let page = wiki.send(&browser, &request, Binding::Redirect, Some("relay-secret")).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");

    let log = app.runs.whole_log();
    let issuer = format!("<Issuer>{}</Issuer>", wiki.entity_id());
    let about = |kind: &str| log.lines().filter(|line| line.contains(&format!("<{kind} "))).count();
    for (kind, expected) in [("AuthnRequest", 3), ("Response", 3), ("LogoutRequest", 3), ("LogoutResponse", 3)] {
        assert!(about(kind) >= expected, "{kind}: {log}");
    }
    assert!(log.lines().any(|line| line.contains(&request.header.id) && line.contains(&issuer)), "{log}");
    let mut hidden = vec!["relay-secret", "alice@example.com", "SignatureValue", "X509Certificate", "SAMLRequest="];
    for session in &sessions {
        hidden.extend([session.name_id.value.as_str(), session.index.as_str()]);
    }
    let cookie = browser.cookie(&app.url("/"), "acquit");
    hidden.extend(cookie.as_deref());
    for secret in hidden {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test]
async fn at_debug_the_log_shows_neither_artifacts_nor_ciphertext() {
    let wiki = SpRegistration::new("wiki", Binding::Redirect).encrypted().start().await;
    let app = Setup::on(Engine::Sqlite).env("ACQUIT_LOG", "debug").with(&wiki.configuration()).program(&[]).await;
    wiki.trust(app.as_issuer());
    let browser = Browser::new();
    let page = wiki.begin(&browser, "").await;
    let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");

    let carries = |load: &Load| load.url.as_str().starts_with(&wiki.url("/acs"));
    let begin = Load::typed(&wiki.url("/login?artifact=1"));
    let artifact = artifact_in(&ride_up_to(&browser, begin, carries).await.url);
    assert!(matches!(wiki.resolve(&artifact, wiki.signer()).await, Ok(Brought::Assertion(_))));
    assert_eq!(wiki.resolve(&artifact, wiki.signer()).await, Ok(Brought::Nothing));

    let session = wiki.session(&browser);
    let recipient = wiki.idp().await.role.encryption[0].clone();
    let request = wiki.logout_request(&browser, Binding::Redirect).await;
    let to = request.header.destination.clone().unwrap();
    let encrypted = request.encrypted_to(&recipient).unwrap();
    let url = redirect::encode(&encrypted, &to, Some("r"), Some(wiki.signer())).unwrap();
    ride(&browser, browser.open(&url).await).await;
    assert_eq!(wiki.responses(), ["Success"]);

    let log = app.runs.whole_log();
    for (shown, times) in [
        ("<ArtifactResolve ", 2),
        ("<Artifact>…</Artifact>", 2),
        ("<ArtifactResponse ", 2),
        ("<EncryptedAssertion><EncryptedData>…</EncryptedData></EncryptedAssertion>", 1),
        ("<EncryptedID><EncryptedData>…</EncryptedData>", 1),
    ] {
        assert_eq!(log.matches(shown).count(), times, "{shown}: {log}");
    }
    let whole = artifact.to_string();
    let in_url: String = form_urlencoded::byte_serialize(whole.as_bytes()).collect();
    for secret in [&whole, &in_url, &session.name_id.value, &session.index, "SAMLart", "CipherValue", "CipherData"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
