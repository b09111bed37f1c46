//! The demo's live page behind the gateway, in Chromium: what a person sees of it before and after a sign-out.

use acquit::demo::{Demo, PASSWORD, Ports, USERNAME};
use acquit_testkit::peers::{self, Chromium, chromium::Profile};

#[tokio::test(flavor = "multi_thread")]
async fn the_live_page_counts_and_is_cut_off_when_another_tab_signs_out() {
    if !peers::take_part() {
        return;
    }
    let demo = Demo::start(Ports::Any).await.unwrap();
    let chromium = Chromium::start().await;
    let person = chromium.person("alice", Profile::default()).await;
    person.goto(&format!("{}/", demo.dashboard())).await;
    person.fill("input[name=username]", USERNAME).await;
    person.fill("input[name=password]", PASSWORD).await;
    person.click("main[data-page=sign-in] form button").await;
    person.wait("main[data-live=live]").await;
    let number = "Number(document.querySelector('[data-count]').textContent)";
    assert!(person.eval(number).await.as_f64().is_some_and(|number| number >= 1200.0));
    assert!(person.html().await.contains("this is Alice"), "it hears from the gateway who is there");
    person.pictures("demo-dashboard-live").await;

    // Signed out in another tab; this one is not touched.
    person.eval("void window.open('/.acquit/sign_out')").await;
    person.wait("main[data-live=cut]").await;
    let said = person.eval("document.querySelector('h1').textContent").await;
    assert_eq!(said, "Cut off: signed out");
    person.wait("[data-again]:not([hidden])").await;
    assert!(person.eval(number).await.is_null(), "no number is left on it");
    person.pictures("demo-dashboard-cut").await;
    let problems = person.problems().await;
    assert!(problems.iter().all(|said| !said.to_string().contains("Content Security Policy")), "{problems:?}");
    person.click("[data-again]").await;
    person.wait("main[data-page=sign-in]").await;
    person.leave().await;
    demo.stop().await;
}
