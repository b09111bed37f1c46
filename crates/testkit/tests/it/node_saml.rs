//! A SAML application made of the npm package `@node-saml/node-saml`, told by POST.

use acquit_testkit::{
    Browser, Engine, Registration, Setup,
    acquit::outcome,
    peers::{self, NodeSp},
    sp::ride,
};

use crate::world::only_receipt;

#[tokio::test(flavor = "multi_thread")]
async fn node_saml_signs_in_is_told_by_post_and_gets_an_answer_to_its_own_request() {
    if !peers::take_part() {
        return;
    }
    let mut node = NodeSp::new();
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Sqlite).with(&node.configuration()).program(&[&payroll]).await;
    node.start(&app.url("")).await;
    let (browser, other) = (Browser::new(), Browser::new());
    for browser in [&browser, &other] {
        let page = node.open(browser, "/login").await;
        let page = ride(browser, app.sign_in(browser, &page, "alice").await).await;
        assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
        app.enter(browser, &payroll, "alice").await;
    }

    let page = browser.open(&payroll.end_session_url(&browser, None)).await;
    let page = ride(&browser, page).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert!(!node.knows(&browser).await && node.knows(&other).await, "this session alone");
    let told = node.told().await;
    assert_eq!((told.len(), &told[0]["ended"]), (1, &1.into()), "{told:?}");
    let receipt = only_receipt(&app).await;
    assert_eq!(outcome(&receipt, NodeSp::ID, "saml-post"), "confirmed", "{receipt:#}");

    let page = node.open(&other, "/logout").await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert!(page.text().ends_with("true back"), "{page}");
    assert!(!payroll.knows(&other).await && app.live_sessions().await.is_empty());
}
