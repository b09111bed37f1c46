//! What the log shows of SAML messages to whoever looks for the reason of something.

use acquit_testkit::{
    Browser, Engine, Setup, SpRegistration,
    sp::{Binding, ride},
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
