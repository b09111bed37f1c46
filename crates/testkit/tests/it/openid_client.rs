//! An application made of the npm packages `openid-client` and `jose`.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Registration, Setup,
    peers::{self, NodeRp},
};

use crate::world::{only_receipt, settled, until};

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_signs_in_refreshes_and_signs_out_and_jose_accepts_the_logout_token() {
    if !peers::take_part() {
        return;
    }
    for (alg, engine) in
        [("RS256", Engine::Sqlite), ("ES256", Engine::Postgres), ("PS256", Engine::Sqlite), ("EdDSA", Engine::Sqlite)]
    {
        let mut node = NodeRp::new("node", alg);
        let payroll = Registration::new("payroll").start().await;
        let app = Setup::on(engine).with(&node.configuration()).program(&[&payroll]).await;
        node.start(&app.url("")).await;
        let browser = Browser::new();

        let page = node.open(&browser, "/login").await;
        let home = app.sign_in(&browser, &page, "alice").await;
        assert_eq!(home.mark().as_deref(), Some("home"), "{home}");
        assert!(node.knows(&browser).await, "{alg}: code flow with PKCE, state and nonce, iss in the response");
        app.enter(&browser, &payroll, "alice").await;

        let who = node.json(&browser, "/userinfo").await;
        assert_eq!(who["email"], "alice@example.com", "{who}");
        assert_eq!(node.json(&browser, "/refresh").await["refreshed"], true);
        assert_eq!(node.json(&browser, "/introspect").await["active"], true);

        // It asks for the logout itself.
        let landing = node.open(&browser, "/logout").await;
        assert_eq!(landing.url.path(), "/bye", "{landing}");
        assert!(landing.text().contains("state: a state & more"), "{landing}");
        let told = node.told().await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["good"], true, "{alg}: {told:?}");
        assert_eq!(told[0]["header"]["alg"], alg);
        assert!(!payroll.knows(&browser).await);
        assert_eq!(node.json(&browser, "/refresh").await["error"], "invalid_grant");
        assert_eq!(node.json(&browser, "/introspect").await["active"], false);
        assert_eq!(node.json(&browser, "/userinfo").await["error"], "invalid_token");

        // And it is told when another application asks.
        let page = node.open(&browser, "/login").await;
        app.sign_in(&browser, &page, "alice").await;
        app.enter(&browser, &payroll, "alice").await;
        browser.open(&payroll.end_session_url(&browser, None)).await;
        until(Duration::from_secs(5), "the Node application is told", async || {
            (node.told().await.len() == 2).then_some(())
        })
        .await;
        let told = node.told().await;
        assert_eq!((&told[1]["good"], &told[1]["ended"]), (&true.into(), &1.into()), "{told:?}");
        assert!(!node.knows(&browser).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_pushes_its_authorization_requests() {
    if !peers::take_part() {
        return;
    }
    let mut node = NodeRp::new("node", "RS256").pushing();
    let app = Setup::on(Engine::Sqlite).with(&node.configuration()).program(&[]).await;
    node.start(&app.url("")).await;
    let browser = Browser::new();
    let page = node.open(&browser, "/login").await;
    let home = app.sign_in(&browser, &page, "alice").await;
    assert_eq!(home.mark().as_deref(), Some("home"), "{home}");
    assert!(
        home.hops.iter().all(|hop| !hop.url.as_str().contains("code_challenge=")),
        "the browser carries no request"
    );
    let _ = node.open(&browser, "/logout").await;
    let id = only_receipt(&app).await["id"].as_str().unwrap().to_owned();
    assert_eq!(settled(&app, &id, Duration::from_secs(20)).await["state"], "complete");
}
