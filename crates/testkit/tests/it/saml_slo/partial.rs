//! Who cannot be told, or not now: the answer is partial, and what waits is delivered later.

use std::time::Duration;

use acquit_testkit::{
    acquit::outcome,
    sp::{Binding, Manner, ride},
};

use super::{World, world};
use crate::world::only_receipt;

#[tokio::test]
async fn who_cannot_be_told_makes_the_answer_partial() {
    for (manner, expected) in [(Manner::Refuse, "failed"), (Manner::Partly, "confirmed"), (Manner::Honour, "pending")] {
        let world = world().await;
        let forum = world.sp(Binding::Post);
        forum.behave(manner);
        if manner == Manner::Honour {
            forum.close();
        }
        let wiki = world.sp(Binding::Redirect);
        let page = wiki.sign_out(&world.browser, Binding::Redirect, None).await;
        assert_eq!(page.mark().as_deref(), Some("landing"), "{manner:?}: {page}");
        assert_eq!(wiki.responses(), ["Success/PartialLogout"], "{manner:?}");
        let receipt = only_receipt(&world.app).await;
        assert_eq!(outcome(&receipt, "forum", "saml-post"), expected, "{manner:?}: {receipt:#}");
        assert!(!world.payroll.knows(&world.browser).await);
    }
}

#[tokio::test]
async fn a_browser_that_vanishes_between_two_hops_leaves_the_rest_waiting_for_it() {
    let world = world().await;
    let first = world.browser.open(&world.payroll.end_session_url(&world.browser, None)).await;
    assert!(first.tags("main")[0].attributes.contains_key("data-hop"), "{first}");
    // It is gone here: what needs no browser is done all the same.
    let id = only_receipt(&world.app).await["id"].as_str().unwrap().to_owned();
    let receipt = until_confirmed(&world, &id).await;
    assert_eq!(outcome(&receipt, "forum", "saml-post"), "sent", "it was on its way: {receipt:#}");
    assert_eq!(outcome(&receipt, "wiki", "saml-redirect"), "pending", "{receipt:#}");
    // It comes back for a new sign-in: first the application that waits, which is told of the ended session alone.
    let page = world.sp(Binding::Redirect).begin(&world.browser, "").await;
    let page = ride(&world.browser, world.app.sign_in(&world.browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    let receipt = world.app.receipt(&id).await;
    assert_eq!(outcome(&receipt, "wiki", "saml-redirect"), "confirmed", "{receipt:#}");
    assert!(world.sp(Binding::Redirect).knows(&world.browser).await, "the new session lives");
}

async fn until_confirmed(world: &World, id: &str) -> serde_json::Value {
    crate::world::until(Duration::from_secs(5), "the back channels confirm", async || {
        let receipt = world.app.receipt(id).await;
        let done = [("files", "saml-soap"), ("payroll", "backchannel"), ("crm", "backchannel")]
            .iter()
            .all(|(party, channel)| outcome(&receipt, party, channel) == "confirmed");
        done.then_some(receipt)
    })
    .await
}

#[tokio::test]
async fn a_person_may_go_on_without_an_application_that_does_not_answer() {
    let world = world().await;
    world.sp(Binding::Post).behave(Manner::Wander);
    let wiki = world.sp(Binding::Redirect);
    let request = wiki.logout_request(&world.browser, Binding::Redirect).await;
    let page = wiki.send_first(&world.browser, &request, Binding::Redirect, Some("back")).await;
    let skip = page.link("data-skip").unwrap();
    let page = ride(&world.browser, page).await;
    assert_eq!(page.mark().as_deref(), Some("wandered"), "{page}");
    let page = ride(&world.browser, world.browser.open(skip.as_str()).await).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert_eq!(wiki.responses(), ["Success/PartialLogout"]);
    let receipt = only_receipt(&world.app).await;
    assert_eq!(outcome(&receipt, "forum", "saml-post"), "sent", "{receipt:#}");
}

#[tokio::test]
async fn a_soap_application_that_is_down_is_told_when_it_comes_back() {
    let world = world().await;
    let files = world.sp(Binding::Soap);
    files.close();
    let wiki = world.sp(Binding::Redirect);
    let page = wiki.sign_out(&world.browser, Binding::Redirect, None).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert_eq!(wiki.responses(), ["Success/PartialLogout"]);
    files.reopen().await;
    let id = only_receipt(&world.app).await["id"].as_str().unwrap().to_owned();
    let receipt = crate::world::settle_by_clock(&world.app, &id, Duration::from_secs(5), Duration::from_secs(20)).await;
    assert_eq!(outcome(&receipt, "files", "saml-soap"), "confirmed", "{receipt:#}");
    assert!(!files.knows(&world.browser).await);
}
