//! Whose sessions a LogoutRequest names, and whose it cannot.

use acquit_testkit::{
    Browser,
    sp::{Binding, Manner},
};

use super::world;

#[tokio::test]
async fn with_an_index_one_browser_is_signed_out_and_without_it_both() {
    for by_index in [true, false] {
        let world = world().await;
        let phone = Browser::new();
        world.enter(&phone, "alice").await;
        let stranger = Browser::new();
        world.enter(&stranger, "bob").await;
        let wiki = world.sp(Binding::Redirect);
        let mut request = wiki.logout_request(&world.browser, Binding::Redirect).await;
        if !by_index {
            request.session_indexes.clear();
        }
        let page = wiki.send(&world.browser, &request, Binding::Redirect, None).await;
        assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
        assert!(!world.payroll.knows(&world.browser).await);
        assert_eq!(world.payroll.knows(&phone).await, by_index);
        assert!(world.payroll.knows(&stranger).await, "nobody else's");
        assert_eq!(world.app.live_sessions().await.len(), if by_index { 2 } else { 1 });
    }
}

#[tokio::test]
async fn the_name_or_index_of_another_application_reaches_nothing() {
    let world = world().await;
    let (wiki, forum) = (world.sp(Binding::Redirect), world.sp(Binding::Post));
    let (own, other) = (wiki.session(&world.browser), forum.session(&world.browser));
    for (name_id, indexes) in [
        (other.name_id.clone(), vec![other.index.clone()]),
        (own.name_id.clone(), vec![other.index.clone()]),
        (other.name_id.clone(), vec![]),
    ] {
        let request = wiki.logout_request_for(name_id, indexes, Binding::Redirect).await;
        let page = wiki.send(&world.browser, &request, Binding::Redirect, None).await;
        assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
        assert_eq!(wiki.responses().last().map(String::as_str), Some("Requester/UnknownPrincipal"));
    }
    assert_eq!(world.app.live_sessions().await.len(), 1);
    assert!(world.app.receipts().await.is_empty());
}

#[tokio::test]
async fn the_answer_is_about_every_session_that_a_request_names() {
    let world = world().await;
    let phone = Browser::new();
    let (wiki, forum) = (world.sp(Binding::Redirect), world.sp(Binding::Post));
    // The older session ends in part, the newer one wholly.
    forum.behave(Manner::Refuse);
    let indexes = vec![wiki.session(&world.browser).index];
    let page = wiki.sign_out(&world.browser, Binding::Redirect, None).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    forum.behave(Manner::Honour);
    world.enter(&phone, "alice").await;
    let both = [indexes, vec![wiki.session(&phone).index]].concat();
    let name = wiki.session(&phone).name_id;
    for by in ["the newer one lives", "both have ended"] {
        let request = wiki.logout_request_for(name.clone(), both.clone(), Binding::Redirect).await;
        wiki.send(&phone, &request, Binding::Redirect, None).await;
        assert_eq!(wiki.responses().last().map(String::as_str), Some("Success/PartialLogout"), "{by}");
    }
    assert_eq!(forum.live_sessions(), 1, "which is why");
}
