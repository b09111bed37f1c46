//! SAML applications by others: they take what Acquit signs, and refuse it when one bit is changed.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Registration, Setup, TestApp, TestRp,
    acquit::{Program, outcome},
    peers::{self, SamlPeer},
    sp::ride,
};

use crate::world::only_receipt;

struct World {
    app: TestApp<Program>,
    peer: SamlPeer,
    payroll: TestRp,
    browser: Browser,
}

impl World {
    async fn new(peer: SamlPeer) -> Self {
        let payroll = Registration::new("payroll").start().await;
        let app = Setup::on(Engine::Sqlite).with(&peer.configuration()).program(&[&payroll]).await;
        peer.trust(&app.url("")).await;
        Self { app, peer, payroll, browser: Browser::new() }
    }

    /// Signs in at the peer first, then at the OpenID application.
    async fn enter(&self) {
        let page = self.peer.begin(&self.browser).await;
        if page.mark().as_deref() == Some("sign-in") {
            let page = self.app.sign_in(&self.browser, &page, "alice").await;
            let page = ride(&self.browser, page).await;
            assert_eq!(page.mark().as_deref(), Some("home"), "{page}\n{}", self.peer.log());
        }
        assert!(self.peer.knows(&self.browser).await, "{}", self.peer.log());
        self.app.enter(&self.browser, &self.payroll, "alice").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn node_saml_try() {
    if !peers::take_part() {
        return;
    }
    let world = World::new(SamlPeer::node("wiki", "redirect").await).await;
    world.enter().await;
    let page = world.peer.sign_out(&world.browser, "").await;
    eprintln!("{page}\n{:#?}\n{:#?}", world.peer.told().await, only_receipt(&world.app).await);
    world.enter().await;
    let page = world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    let page = ride(&world.browser, page).await;
    eprintln!("{page}\n{:#?}\n{:#?}", world.peer.told().await, world.app.receipts().await[0]);
    let _ = (Duration::ZERO, outcome(&world.app.receipts().await[0], "wiki", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn php_try() {
    if !peers::take_part() {
        return;
    }
    let world = World::new(SamlPeer::php("intranet").await).await;
    world.enter().await;
    let page = world.peer.sign_out(&world.browser, "").await;
    eprintln!("{page}\n{}\n{:#?}", world.peer.log(), only_receipt(&world.app).await);
    world.enter().await;
    let page = world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    let page = ride(&world.browser, page).await;
    eprintln!("{page}\n{}\n{:#?}", world.peer.log(), world.app.receipts().await[0]);
}
