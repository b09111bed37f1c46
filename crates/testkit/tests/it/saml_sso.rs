//! Signing in to SAML applications.

use acquit_testkit::{
    Browser, Engine, Setup, SpRegistration, TestApp, TestSp,
    acquit::InProcess,
    sp::{Binding, ride},
};

async fn world(sp: SpRegistration) -> (TestApp<InProcess>, TestSp) {
    let sp = sp.start().await;
    let app = Setup::on(Engine::Sqlite).with(&sp.configuration()).start(&[]).await;
    sp.trust(app.as_issuer());
    (app, sp)
}

fn wiki() -> SpRegistration {
    SpRegistration::new("wiki", Binding::Redirect)
}

#[tokio::test]
async fn a_person_signs_in_by_redirect_and_by_post_and_the_relay_state_comes_back() {
    for how in ["relay=a%26b%22%3C", "post=1&relay=a%26b%22%3C"] {
        let (app, sp) = world(wiki()).await;
        let browser = Browser::new();
        let page = sp.begin(&browser, how).await;
        assert!(!page.url.as_str().contains("SAML"), "no message in our URLs: {}", page.url);
        let page = app.sign_in(&browser, &page, "alice").await;
        assert_eq!(page.mark().as_deref(), Some("form-post"), "{page}");
        let page = ride(&browser, page).await;
        assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
        assert!(page.text().ends_with("a&b\"<"), "{page}");
        assert!(sp.knows(&browser).await);
        let sessions = app.live_sessions().await;
        assert_eq!(sessions[0]["applications"][0]["id"], "wiki", "{sessions:#?}");
        // The second time nobody is asked.
        assert_eq!(sp.begin(&browser, how).await.mark().as_deref(), Some("signed-in"));
    }
}

async fn signed_in(app: &TestApp<InProcess>, sp: &TestSp, browser: &Browser, user: &str, how: &str) {
    let page = sp.begin(browser, how).await;
    let page = if page.mark().as_deref() == Some("sign-in") {
        ride(browser, app.sign_in(browser, &page, user).await).await
    } else {
        page
    };
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
}

#[tokio::test]
async fn a_person_has_one_lasting_name_at_an_application_or_one_for_each_session() {
    let (app, sp) = world(wiki()).await;
    let (one, two, bob) = (Browser::new(), Browser::new(), Browser::new());
    for (browser, user) in [(&one, "alice"), (&two, "alice"), (&bob, "bob")] {
        signed_in(&app, &sp, browser, user, "").await;
    }
    let name = |browser: &Browser| sp.session(browser).name_id;
    assert_eq!(name(&one), name(&two));
    assert_ne!(name(&one).value, name(&bob).value);
    assert_eq!(name(&one).sp_name_qualifier, Some(sp.entity_id()));
    assert!(!name(&one).value.contains("alice"));
    assert_ne!(sp.session(&one).index, sp.session(&two).index, "an index for each session");
    let index = sp.session(&one).index;
    signed_in(&app, &sp, &one, "alice", "").await;
    assert_eq!(sp.session(&one).index, index, "and the same one again in the same session");
    let (one, two) = (Browser::new(), Browser::new());
    for browser in [&one, &two] {
        signed_in(&app, &sp, browser, "alice", "format=urn:oasis:names:tc:SAML:2.0:nameid-format:transient").await;
    }
    assert_ne!(name(&one).value, name(&two).value);
    let one = Browser::new();
    signed_in(&app, &sp, &one, "alice", "format=urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress").await;
    assert_eq!(name(&one).value, "alice@example.com");
}

#[tokio::test]
async fn an_assertion_says_of_a_person_what_the_operator_chose() {
    let more =
        "name_id = \"username\"\nattributes = { mail = \"email\", who = \"username\", \"urn:x:groups\" = \"groups\" }";
    let (app, sp) = world(wiki().with(more)).await;
    let browser = Browser::new();
    signed_in(&app, &sp, &browser, "alice", "").await;
    let session = sp.session(&browser);
    assert_eq!(session.name_id.value, "alice");
    let expected = [("mail", "alice@example.com"), ("who", "alice")];
    let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).to_vec();
    assert_eq!(session.attributes, expected, "without a value it is left out");
    let page = sp.begin(&browser, "format=urn:oasis:names:tc:SAML:2.0:nameid-format:persistent").await;
    assert!(page.text().contains("Requester/InvalidNameIDPolicy"), "{page}");
}

#[tokio::test]
async fn passive_shows_nothing_and_force_asks_again() {
    let (app, sp) = world(wiki()).await;
    let browser = Browser::new();
    let page = sp.begin(&browser, "passive=1").await;
    assert!(page.text().contains("Responder/NoPassive"), "{page}");
    signed_in(&app, &sp, &browser, "alice", "").await;
    assert_eq!(sp.begin(&browser, "passive=1").await.mark().as_deref(), Some("signed-in"));
    app.runs.advance(std::time::Duration::from_secs(60));
    let page = sp.begin(&browser, "force=1&passive=1").await;
    assert!(page.text().contains("Responder/NoPassive"), "{page}");
    let page = sp.begin(&browser, "force=1").await;
    assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
    let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    assert_eq!(app.live_sessions().await.len(), 1, "the same session, proved again");
}

#[tokio::test]
async fn a_request_that_cannot_be_believed_gets_a_page_and_never_leaves_for_an_unknown_address() {
    let (app, sp) = world(wiki()).await;
    let browser = Browser::new();
    signed_in(&app, &sp, &browser, "alice", "").await;
    let request = sp.authn_request().await;
    let signed = sp.authn_url(&request, Some(sp.signer()));
    let mut elsewhere = request.clone();
    elsewhere.acs_url = Some("https://evil.example/acs".to_owned());
    let mut another = request.clone();
    another.header.destination = Some("https://idp.example/sso".to_owned());
    let here = app.url("/saml/sso");
    let mut nobody = request.clone();
    nobody.header.issuer = "https://nobody.example/".to_owned();
    let mut late = request.clone();
    late.header.issue_instant = acquit_core::Timestamp::from_seconds(0);
    for (what, url) in [
        ("unsigned, although its metadata says that it signs", sp.authn_url(&request, None)),
        ("an endpoint that is not registered", sp.authn_url(&elsewhere, Some(sp.signer()))),
        ("another Destination", sp.authn_url(&another, Some(sp.signer())).replace("https://idp.example/sso", &here)),
        ("an unknown issuer", sp.authn_url(&nobody, Some(sp.signer()))),
        ("old", sp.authn_url(&late, Some(sp.signer()))),
        ("altered", signed.replacen("RelayState=r", "RelayState=x", 1)),
        ("no message", app.url("/saml/sso")),
        ("a LogoutRequest's door", signed.replace("/saml/sso", "/saml/slo")),
    ] {
        let page = browser.open(&url).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{what}: {page}");
    }
    let page = ride(&browser, browser.open(&signed).await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    let page = browser.open(&signed).await;
    assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "answered once: {page}");
}

#[tokio::test]
async fn oktas_address_of_an_application_signs_in_also_when_nobody_asked() {
    let (app, _sp) = world(wiki()).await;
    let browser = Browser::new();
    let page = browser.open(&app.url("/app/wiki/exkwiki/sso/saml?RelayState=deep%2Flink")).await;
    let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    assert!(page.text().ends_with("deep/link"), "{page}");
    for wrong in ["/app/wiki/exkforum/sso/saml", "/app/forum/exkwiki/sso/saml", "/app/wiki/exkforum/slo/saml"] {
        assert_eq!(browser.open(&app.url(wrong)).await.status, 404, "{wrong}");
    }
    let metadata = browser.open(&app.url("/app/wiki/exkwiki/sso/saml/metadata")).await;
    assert!(metadata.body.contains("/app/wiki/exkwiki/slo/saml"), "{metadata}");
}

#[tokio::test]
async fn the_metadata_shows_the_saml_key_and_the_key_set_of_tokens_does_not() {
    let (app, sp) = world(wiki()).await;
    let idp = sp.idp().await;
    assert_eq!(idp.entity_id, app.url("/saml/metadata"));
    assert_eq!(idp.role.signing.len(), 1);
    let keys = Browser::new().open(&app.url("/oauth2/v1/keys")).await;
    let keys: serde_json::Value = serde_json::from_str(&keys.body).unwrap();
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(4), "{keys:#}");
}

#[tokio::test]
async fn metadata_at_a_url_is_fetched_and_believed() {
    let sp = wiki().start().await;
    let app = Setup::on(Engine::Sqlite).with(&sp.configuration_at_url()).start(&[]).await;
    sp.trust(app.as_issuer());
    let browser = Browser::new();
    let page = crate::world::once_known(&sp, &browser).await;
    let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
}

#[tokio::test]
async fn an_application_is_never_told_of_one_person_by_two_names_in_one_session() {
    const PREFIX: &str = "urn:oasis:names:tc:SAML:";
    let (app, sp) = world(SpRegistration::new("wiki", Binding::Soap)).await;
    let browser = Browser::new();
    signed_in(&app, &sp, &browser, "alice", &format!("format={PREFIX}2.0:nameid-format:persistent")).await;
    let name = sp.session(&browser).name_id;
    for other in ["2.0:nameid-format:transient", "1.1:nameid-format:emailAddress"] {
        let page = sp.begin(&browser, &format!("format={PREFIX}{other}")).await;
        assert!(page.text().contains("InvalidNameIDPolicy"), "{page}");
    }
    signed_in(&app, &sp, &browser, "alice", "").await;
    assert_eq!(sp.session(&browser).name_id, name);
    assert_eq!(sp.live_sessions(), 2, "the application keeps a session for each assertion");
    // All that hang on the session end with it.
    let account = browser.open(&app.url("/account")).await;
    browser.submit(&account, account.form_with("scope").press("scope", "user")).await;
    let id = crate::world::only_receipt(&app).await["id"].as_str().unwrap().to_owned();
    let receipt = crate::world::settled(&app, &id, std::time::Duration::from_secs(5)).await;
    assert_eq!(sp.live_sessions(), 0, "{receipt:#}");
}
