//! A clock that jumps.

use super::*;

#[tokio::test]
async fn a_clock_that_jumps_revives_nothing_and_breaks_nothing() {
    for engine in Engine::BOTH {
        a_clock_that_jumps_revives_nothing_and_breaks_nothing_on(engine).await;
    }
}

async fn a_clock_that_jumps_revives_nothing_and_breaks_nothing_on(engine: Engine) {
    let world = world_on(engine).await;
    let thief = world.browser.copy();
    let begin = world.app.runs.clock.as_ref();
    let now = acquit_server::clock::Clock::now(begin);
    // Back by a day: everything goes on, nobody is shut out, nothing is 5xx.
    begin.set(acquit_core::Timestamp::from_micros(now.as_micros() - 86_400_000_000));
    for path in ["/account", "/oauth2/v1/authorize", "/oauth2/v1/keys", "/.well-known/openid-configuration"] {
        let page = world.browser.open(&world.app.url(path)).await;
        assert!(page.status < 500, "{page}");
    }
    let landing = world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    assert_eq!(landing.mark().as_deref(), Some("landing"), "{landing}");
    assert!(world.app.live_sessions().await.is_empty());
    let asked = |page: Page| assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
    asked(world.payroll.begin(&thief, &[]).await);
    // Ahead by ten years and back to where it was: what ended stays ended.
    begin.set(now.plus(Duration::from_secs(10 * 365 * 86_400)));
    asked(world.payroll.begin(&thief, &[]).await);
    begin.set(now);
    asked(world.payroll.begin(&thief, &[]).await);
    assert!(world.app.live_sessions().await.is_empty());
    world.app.enter(&world.browser, &world.payroll, "alice").await;
    assert_eq!(world.app.live_sessions().await.len(), 1);
}
