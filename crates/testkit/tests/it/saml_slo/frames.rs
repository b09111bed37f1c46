//! Told in frames, as Okta does it.

use acquit_testkit::{Engine, browser::Load, sp::Binding};

use super::world_on;

#[tokio::test]
async fn in_frames_as_okta_has_them_every_application_is_told_and_answers() {
    let world = world_on(Engine::Sqlite, "session_index_required = true\nslo_frame = true").await;
    let page = world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    assert_eq!((page.mark().as_deref(), page.tags("iframe").len()), (Some("signing-out"), 2), "{page}");
    for mut frame in world.browser.load_frames(&page).await {
        // Our form to the application, and the application's back to us.
        while frame.mark().as_deref() == Some("form-post") {
            if frame.url.as_str().starts_with(&world.app.url("/")) {
                assert_eq!(frame.header("x-frame-options"), Some("SAMEORIGIN"));
            }
            let form = frame.forms().remove(0);
            frame = world.browser.load(Load::form(&frame, &form).framed_in(&page.url)).await;
        }
        assert_eq!(frame.status, 200, "{frame}");
    }
    let page = world.browser.click(&page, page.link("data-continue").unwrap().as_str()).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    world.all_out("").await;
}

#[tokio::test]
async fn in_frames_the_application_that_asked_is_answered_too() {
    let world = world_on(Engine::Sqlite, "session_index_required = true\nslo_frame = true").await;
    let wiki = world.sp(Binding::Redirect);
    let page = wiki.sign_out(&world.browser, Binding::Redirect, Some("r")).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert_eq!(wiki.responses().len(), 1, "{:?}", wiki.ledger());
    assert!(wiki.responses()[0].starts_with("Success"), "{:?}", wiki.ledger());
    assert!(world.app.live_sessions().await.is_empty());
}
