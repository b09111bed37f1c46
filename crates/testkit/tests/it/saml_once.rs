//! Requests that come twice at once, and those that the store did not take: each is one sign-in or one logout.

use acquit_testkit::{
    Browser, Engine, Setup, SpRegistration, TestApp, TestSp,
    acquit::InProcess,
    sp::{Binding, ride},
};
use futures_util::future::join_all;

use crate::failing_store::{refuse_inserts, take_inserts};

async fn world(engine: Engine) -> (TestApp<InProcess>, TestSp, Browser) {
    let sp = SpRegistration::new("wiki", Binding::Redirect).start().await;
    let app = Setup::on(engine).with(&sp.configuration()).start(&[]).await;
    sp.trust(app.as_issuer());
    let browser = Browser::new();
    let page = sp.begin(&browser, "").await;
    let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    (app, sp, browser)
}

#[tokio::test]
async fn the_same_logout_request_twice_at_once_is_one_logout() {
    for engine in Engine::BOTH {
        for _ in 0..4 {
            let (app, wiki, browser) = world(engine).await;
            let request = wiki.logout_request(&browser, Binding::Soap).await;
            let said: Vec<_> = join_all((0..6).map(|_| wiki.sign_out_by_soap(&request))).await;
            let taken = said.iter().filter(|(_, said)| said == "Success").count();
            assert!(taken >= 1, "{said:?}");
            for (status, said) in &said {
                assert!(*status == 200 && (said == "Success" || said == "Requester/RequestDenied"), "{status} {said}");
            }
            assert_eq!(app.receipts().await.len(), 1, "{engine:?}");
            assert!(app.live_sessions().await.is_empty());
        }
    }
}

#[tokio::test]
async fn the_same_logout_request_twice_at_once_in_the_browser_is_one_logout() {
    for engine in Engine::BOTH {
        let (app, wiki, browser) = world(engine).await;
        let request = wiki.logout_request(&browser, Binding::Redirect).await;
        let pages = join_all((0..6).map(|_| wiki.send(&browser, &request, Binding::Redirect, None))).await;
        assert!(pages.iter().any(|page| page.mark().as_deref() == Some("landing")), "{}", pages[0]);
        assert!(pages.iter().all(|page| page.status < 500));
        assert!(wiki.responses().iter().all(|said| said == "Success"), "{:?}", wiki.responses());
        assert_eq!(app.receipts().await.len(), 1, "{engine:?}");
    }
}

#[tokio::test]
async fn one_request_gets_one_assertion_however_often_it_comes_at_once() {
    for engine in Engine::BOTH {
        let (_app, wiki, browser) = world(engine).await;
        let before = wiki.live_sessions();
        let request = wiki.authn_request().await;
        let url = wiki.authn_url(&request, Some(wiki.signer()));
        let pages = join_all((0..6).map(|_| browser.open(&url))).await;
        let answered = pages.iter().filter(|page| page.mark().as_deref() == Some("form-post")).count();
        let refused = pages.iter().filter(|page| page.status == 400).count();
        assert_eq!((answered, refused), (1, 5), "{engine:?}");
        assert_eq!(wiki.live_sessions(), before);
    }
}

#[tokio::test]
async fn a_sign_in_that_could_not_be_made_durable_has_not_used_its_request_up() {
    let (app, wiki, _) = world(Engine::Postgres).await;
    let browser = Browser::new();
    let request = wiki.authn_request().await;
    let page = browser.open(&wiki.authn_url(&request, Some(wiki.signer()))).await;
    refuse_inserts(&app, "participants");
    let page = app.sign_in(&browser, &page, "bob").await;
    assert_eq!(page.status, 503, "{page}");
    take_inserts(&app, "participants");
    let page = browser.open(page.url.as_str()).await;
    let page = ride(&browser, page).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
}
