//! What a sign-out at the customer's provider leaves of the gateway's routes.

use super::*;
use crate::routes::{LONG, Routes};

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_of_oidc_provider_ends_all_routes() {
    if !peers::take_part() {
        return;
    }
    for engine in Engine::BOTH {
        let what = format!("{engine:?}");
        let routes = Routes::start().await;
        let parts = parts(engine, OidcUpstream::new()).await;
        let more = routes.configuration("groups = [\"conn_01UPSTREAM/Payroll\"]");
        let world = World::made(parts, "id.localhost", &more).await;
        world.enter("erin").await;
        let held = routes.hold(&world.browser).await;
        let page = world.upstream.sign_out(&world.browser).await;
        assert_eq!(page.mark().as_deref(), Some("upstream-signed-out"), "{page}");
        held.has_ended(&what).await;
        let told = world.upstream.knows().await.told;
        assert_eq!(told, [json!({ "account": "up-erin", "good": true })], "{what}");
        // The frame of the broker application waits for a browser, so the whole is not settled.
        let receipt = until(LONG, "the routes are acknowledged", async || {
            // It is refused here before it is written that it is over.
            let receipt = world.app.receipts().await.pop()?;
            (outcomes(&receipt, "gateway") == ["confirmed", "confirmed"]).then_some(receipt)
        })
        .await;
        assert_eq!(receipt["requested"]["by"], "upstream", "{what}");
        routes.confirmed(&receipt, &what);
    }
}
