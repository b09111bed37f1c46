//! Metadata that was good when it was read and has ended since (`validUntil`): nobody vouches for its keys and addresses.

use std::time::Duration;

use acquit_saml::binding::soap;
use acquit_testkit::{
    Browser, Engine, Setup, SpRegistration,
    acquit::outcome,
    sp::{Binding, post_soap, ride},
};

use crate::world::{once_known, only_receipt};

#[tokio::test]
async fn an_application_whose_metadata_has_ended_is_neither_believed_nor_told() {
    // Fetched, so that it is read by the clock of the test.
    const END: &str = "validUntil=\"2026-09-23T00:00:00Z\" entityID";
    let wiki = SpRegistration::new("wiki", Binding::Redirect).describing("entityID", END).start().await;
    let forum = SpRegistration::new("forum", Binding::Redirect).start().await;
    let long = "[lifetimes]\nsession_idle = \"30d\"\nsession_max = \"60d\"\n";
    let setup = Setup::on(Engine::Sqlite).with(&wiki.configuration_at_url()).with(&forum.configuration()).with(long);
    let app = setup.start(&[]).await;
    let browser = Browser::new();
    wiki.trust(app.as_issuer());
    forum.trust(app.as_issuer());
    let page = once_known(&wiki, &browser).await;
    let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    assert_eq!(forum.begin(&browser, "").await.mark().as_deref(), Some("signed-in"));
    app.runs.advance(Duration::from_secs(3 * 86_400));

    let page = wiki.begin(&browser, "").await;
    assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{page}");
    assert!(page.text().contains("has expired"), "{page}");
    let page = browser.open(&app.url("/app/wiki/exkwiki/sso/saml")).await;
    assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{page}");

    let request = wiki.logout_request(&browser, Binding::Redirect).await;
    assert_eq!(wiki.send_first(&browser, &request, Binding::Redirect, None).await.status, 400);
    let request = wiki.logout_request(&browser, Binding::Soap).await;
    let to = request.header.destination.clone().unwrap();
    let (status, said) = post_soap(&to, soap::encode(&request, wiki.signer()).unwrap()).await;
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(status == 200 && said.contains("RequestDenied") && said.contains("has expired"), "{said}");
    assert_eq!(app.live_sessions().await.len(), 1);

    // The others are told as ever, and the receipt says why it was not.
    let account = browser.open(&app.url("/account")).await;
    let page = browser.submit(&account, account.form_with("scope").press("scope", "user")).await;
    ride(&browser, page).await;
    let receipt = only_receipt(&app).await;
    assert_eq!(outcome(&receipt, "forum", "saml-redirect"), "confirmed", "{receipt:#}");
    let step = receipt["steps"].as_array().unwrap().iter().find(|step| step["party"] == "wiki").unwrap();
    assert_eq!(
        (&step["outcome"], &step["detail"]),
        (&"unsupported".into(), &"cannot be told: its metadata has expired".into())
    );
    assert!(wiki.requests().is_empty());
}
