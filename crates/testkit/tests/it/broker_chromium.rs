//! Acquit's own sign-out forms in Chromium, for somebody whom an identity provider signed in: the browser holds the way there
//! and back against the policy of the page with the form.

use acquit_testkit::{
    Engine,
    acquit::PASSWORD,
    peers::{self, Chromium, chromium::Profile},
};

use crate::broker::world;

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_at_our_own_pages_gets_to_the_provider_and_back() {
    if !peers::take_part() {
        return;
    }
    let world = world(Engine::Sqlite).await;
    let chromium = Chromium::start().await;
    let person = chromium.person("erin", Profile::default()).await;
    for (page, button) in [("/sign-out", "button[value=sign-out]"), ("/account", "main form button")] {
        // No application takes part: nothing stands between the form and the redirect to the provider.
        person.goto(&world.broker.url("/sign-in")).await;
        person.fill("input[name=username]", "alice@example.com").await;
        person.fill("input[name=password]", "not a password of ours").await;
        person.click("main form button").await;
        person.click("[data-connection]").await;
        person.wait("main[data-page=sign-in]").await;
        assert!(person.url().await.starts_with(&world.upstream.url("/")), "{}", person.url().await);
        person.fill("input[name=username]", "alice").await;
        person.fill("input[name=password]", PASSWORD).await;
        person.click("main form button").await;
        person.wait("main[data-page=account]").await;

        person.goto(&world.broker.url(page)).await;
        person.click(button).await;
        person.wait("main[data-page=signed-out]").await;
        assert!(person.url().await.starts_with(&world.broker.url("/signed-out")), "{page}: {}", person.url().await);
        assert!(world.broker.live_sessions().await.is_empty());
        assert!(world.upstream.live_sessions().await.is_empty(), "{page}: the session at the provider ended as well");
    }
}
