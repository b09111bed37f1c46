//! Signing out of a route.

use acquit_testkit::{Engine, acquit::outcome};

use super::world_on;
use crate::world::only_receipt;

#[tokio::test]
async fn a_sign_out_at_a_route_ends_the_session_at_every_app() {
    for engine in Engine::BOTH {
        let world = world_on(engine).await;
        let browser = &world.browser;
        world.app.enter(browser, &world.payroll, "alice").await;
        world.enter(browser, "vault", "alice").await;
        let page = world.enter(browser, "grafana", "alice").await;
        browser.plant(&world.at("grafana", "/"), "grafana_session=x; Path=/");
        let page = world.go(browser, &page, &world.at("grafana", "/.pomerium/sign_out")).await;
        assert_eq!(page.mark().as_deref(), Some("signed-out"), "{page}");
        assert!(world.app.live_sessions().await.is_empty());
        assert!(world.cookie(browser, "grafana").is_none());
        assert!(browser.cookie(&world.at("grafana", "/"), "grafana_session").is_none());
        let receipt = only_receipt(&world.app).await;
        assert_eq!(outcome(&receipt, "payroll", "backchannel"), "confirmed", "{receipt:#}");
        assert_eq!(receipt["requested"]["party"], format!("grafana.localhost:{}", world.port));
    }
}
