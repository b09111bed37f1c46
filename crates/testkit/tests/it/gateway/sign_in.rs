//! Signing in to a route.

use acquit_testkit::Engine;

use super::world_on;

#[tokio::test]
async fn a_person_signs_in_once_and_is_in_at_every_route() {
    for engine in Engine::BOTH {
        let world = world_on(engine).await;
        let page = world.begin(&world.browser, "grafana", "/dash?from=now").await;
        assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
        assert!(page.text().contains("Grafana"), "{page}");
        let page = world.app.sign_in(&world.browser, &page, "alice").await;
        assert_eq!(page.url.as_str(), world.at("grafana", "/dash?from=now"), "{page}");
        let page = world.begin(&world.browser, "vault", "/").await;
        assert_eq!(page.url.as_str(), world.at("vault", "/"), "{page}");
        let (one, other) = (world.cookie(&world.browser, "grafana"), world.cookie(&world.browser, "vault"));
        assert!(one.is_some() && other.is_some() && one != other);
        let session = &world.app.live_sessions().await[0];
        let apps = session["applications"].to_string();
        assert!(apps.contains("grafana.localhost") && apps.contains("vault.localhost"), "{session}");
    }
}
