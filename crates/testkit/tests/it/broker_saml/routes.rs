//! What a logout of the customer's SAML provider leaves of the gateway's routes.

use super::*;
use crate::routes::Routes;

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_request_of_the_provider_ends_all_routes() {
    for engine in Engine::BOTH {
        for by in [Binding::Redirect, Binding::Post, Binding::Soap] {
            let what = format!("{engine:?}, {by:?}");
            let routes = Routes::start().await;
            let bindings = [Binding::Redirect, Binding::Soap];
            let world = world_with(engine, &bindings, "", &routes.configuration("domains = [\"example.com\"]")).await;
            world.enter_wiki(&world.browser).await;
            let held = routes.hold(&world.browser).await;
            let said = world.told_by(&world.idp.logout_request(&["index-1"], by), by).await;
            assert_eq!(said, "Success", "{what}: the routes are done as well");
            held.has_ended(&what).await;
            let receipt = world.receipt().await;
            assert_eq!(receipt["requested"]["by"], "upstream", "{what}");
            routes.confirmed(&receipt, &what);
            assert_eq!(receipt["state"], "complete", "{what}: {receipt:#}");
        }
    }
}
