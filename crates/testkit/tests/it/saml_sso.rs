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
