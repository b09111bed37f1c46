//! Apache with mod_auth_mellon: a SAML application that others wrote, told over SOAP.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Registration, Setup,
    acquit::outcome,
    peers::{self, Mellon},
    rp::ledger::Way,
    sp::ride,
};

use crate::world::{only_receipt, settled, until};

#[tokio::test(flavor = "multi_thread")]
async fn mellon_is_told_over_soap_of_a_sign_out_elsewhere_and_ends_all_by_its_own() {
    if !peers::take_part() {
        return;
    }
    let mut mellon = Mellon::new();
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Sqlite).with(&mellon.configuration()).program(&[&payroll]).await;
    mellon.start(&app.url("")).await;
    let (browser, other) = (Browser::new(), Browser::new());
    for browser in [&browser, &other] {
        let page = mellon.protected(browser).await;
        let page = ride(browser, app.sign_in(browser, &page, "alice").await).await;
        assert_eq!(page.mark().as_deref(), Some("protected"), "{page} {}", mellon.log());
        app.enter(browser, &payroll, "alice").await;
    }

    // Begun at the OpenID application: the module is told, and its Success is signed. That says nothing of whether the module
    // checked our signature, so what it is told first has another one.
    mellon.open_altering().await;
    let page = browser.open(&payroll.end_session_url(&browser, None)).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    let id = only_receipt(&app).await["id"].as_str().unwrap().to_owned();
    until(Duration::from_secs(10), "the module was told", async || {
        let receipt = app.receipt(&id).await;
        let step =
            receipt["steps"].as_array().unwrap().iter().find(|step| step["party"] == Mellon::ID).unwrap().clone();
        let attempt = step["attempts"].as_array().unwrap().first()?.clone();
        assert_eq!(attempt["status"], 400, "{receipt:#}");
        assert_ne!(step["outcome"], "confirmed", "{receipt:#}");
        Some(())
    })
    .await;
    let page = mellon.protected(&browser).await;
    assert_eq!(page.mark().as_deref(), Some("protected"), "it refused that: {page} {}", mellon.log());
    mellon.open().await;
    app.api(http::Method::POST, &format!("/api/v1/logouts/{id}/retry"), None).await;
    let confirmed = async || (outcome(&app.receipt(&id).await, Mellon::ID, "saml-soap") == "confirmed").then_some(());
    until(Duration::from_secs(30), "the module confirms", confirmed).await;
    let receipt = settled(&app, &id, Duration::from_secs(10)).await;
    assert_eq!(outcome(&receipt, Mellon::ID, "saml-soap"), "confirmed", "{receipt:#} {}", mellon.log());
    let page = mellon.protected(&browser).await;
    assert_eq!(page.mark().as_deref(), Some("sign-in"), "the page asks again: {page} {}", mellon.log());
    let page = mellon.protected(&other).await;
    assert_eq!(page.mark().as_deref(), Some("protected"), "the other browser goes on: {page} {}", mellon.log());

    // Begun at the module: the OpenID application is told, and the module gets an answer that it believes.
    let told = payroll.ledger().by(Way::Back).len();
    let page = mellon.sign_out(&other).await;
    assert_eq!(page.mark().as_deref(), Some("bye"), "{page} {}", mellon.log());
    payroll.ledger().wait(Way::Back, told + 1, Duration::from_secs(5)).await;
    assert!(!payroll.knows(&other).await && app.live_sessions().await.is_empty());
}
