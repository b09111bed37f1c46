//! Apache with mod_auth_openidc: a page behind a sign-in must ask again after a sign-out elsewhere.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Registration, Setup,
    acquit::outcome,
    peers::{self, Apache, apache::Told},
};

use crate::world::{only_receipt, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_behind_apache_asks_again_when_the_module_was_told_by_its_back_channel() {
    asks_again(Told::Back, Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_behind_apache_asks_again_when_the_module_was_told_in_a_frame() {
    asks_again(Told::Front, Engine::Postgres).await;
}

async fn asks_again(told: Told, engine: Engine) {
    if !peers::take_part() {
        return;
    }
    let mut apache = Apache::new("apache", told);
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(engine).with(&apache.configuration()).program(&[&payroll]).await;
    apache.start(&app.url("")).await;
    let (browser, other) = (Browser::new(), Browser::new());
    for browser in [&browser, &other] {
        let page = apache.protected(browser).await;
        let page = app.sign_in(browser, &page, "alice").await;
        assert_eq!(page.mark().as_deref(), Some("protected"), "{page} {}", apache.log());
        app.enter(browser, &payroll, "alice").await;
        assert_eq!(apache.protected(browser).await.mark().as_deref(), Some("protected"));
    }

    let page = browser.open(&payroll.end_session_url(&browser, None)).await;
    match told {
        Told::Back => {
            assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
            until(Duration::from_secs(10), "the module confirms", async || {
                (outcome(&only_receipt(&app).await, "apache", "backchannel") == "confirmed").then_some(())
            })
            .await;
        }
        Told::Front => {
            assert_eq!(page.mark().as_deref(), Some("signing-out"), "{page}");
            let frames = browser.load_frames(&page).await;
            assert_eq!(frames.len(), 1);
            assert_eq!(frames[0].status, 200, "{} {}", frames[0], apache.log());
            until(Duration::from_secs(10), "the frame is recorded", async || {
                (outcome(&only_receipt(&app).await, "apache", "frontchannel") == "sent").then_some(())
            })
            .await;
        }
    }
    let page = apache.protected(&browser).await;
    assert_eq!(page.mark().as_deref(), Some("sign-in"), "the page asks again: {page} {}", apache.log());
    // The module keeps what it was told; the other browser's session there goes on.
    let page = apache.protected(&other).await;
    assert_eq!(page.mark().as_deref(), Some("protected"), "{page} {}", apache.log());
}
