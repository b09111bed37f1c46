//! The main job: sign in once in two browsers, open several applications, sign out at one; every application of that
//! session is told, and the receipt says what happened.

use std::time::Duration;

use acquit_testkit::{Browser, Engine, Registration, Setup, acquit::outcome, rp::ledger::Way};
use http::Method;

use crate::world::{PUNCTUATION, enter_all, only_receipt, settled, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_at_one_application_reaches_every_application_of_that_session_on_sqlite() {
    sign_out_reaches_everyone(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_at_one_application_reaches_every_application_of_that_session_on_postgres() {
    sign_out_reaches_everyone(Engine::Postgres).await;
}

async fn sign_out_reaches_everyone(engine: Engine) {
    let payroll = Registration::new("payroll").scope("openid email offline_access").start().await;
    let wiki = Registration::new("wiki").front_only().host("wiki.localhost").start().await;
    let crm = Registration::new("crm").alg("ES256").start().await;
    let asleep = Registration::new("asleep").public().alg("EdDSA").start().await;
    let app = Setup::on(engine).program(&[&payroll, &wiki, &crm, &asleep]).await;

    let (desk, phone) = (Browser::new(), Browser::new());
    enter_all(&app, &desk, &[&payroll, &wiki, &crm, &asleep], "alice").await;
    enter_all(&app, &phone, &[&payroll, &crm], "alice").await;
    assert_eq!(app.live_sessions().await.len(), 2);
    let sids: Vec<_> =
        [&payroll, &wiki, &crm, &asleep].iter().map(|rp| rp.session(&desk).unwrap().sid.unwrap()).collect();
    let distinct: std::collections::HashSet<_> = sids.iter().collect();
    assert_eq!(distinct.len(), 4, "each application knows the session by a sid of its own");

    asleep.close();
    let thief = desk.copy();
    let old = payroll.session(&desk).unwrap();
    let page = desk.open(&payroll.end_session_url(&desk, Some(PUNCTUATION))).await;

    // The page that tells the applications of the browser comes when the quick ones have been told.
    assert_eq!(page.mark().as_deref(), Some("signing-out"), "{page}");
    assert_eq!(payroll.ledger().by(Way::Back).len(), 1, "the application that asked is told before the browser leaves");
    assert_eq!(crm.ledger().by(Way::Back).len(), 1);
    assert_eq!(desk.cookie(&app.url("/"), "acquit"), None, "the browser keeps no session cookie");
    assert!(!payroll.knows(&desk).await && !crm.knows(&desk).await);
    let frames = desk.load_frames(&page).await;
    assert_eq!(frames.len(), 1);
    assert!(!wiki.knows(&desk).await);
    let asked = &wiki.ledger().by(Way::Front)[0];
    assert_eq!(asked.parameter("iss").unwrap(), app.url(""), "with iss and sid (FC-5)");
    assert_eq!(asked.parameter("sid").unwrap(), sids[1]);

    // On to the application, with its state as it was.
    let (seconds, onward) = page.refresh().expect("a way on without scripts");
    assert!(seconds <= 5, "{seconds}");
    assert_eq!(page.link("data-continue").as_ref(), Some(&onward));
    let landing = desk.click(&page, onward.as_str()).await;
    assert_eq!(landing.url.as_str().split('?').next(), Some(payroll.url("/bye").as_str()));
    assert_eq!(landing.query(), [("state".to_owned(), PUNCTUATION.to_owned())]);

    // The other browser goes on.
    assert!(payroll.knows(&phone).await && crm.knows(&phone).await);
    assert_eq!(app.live_sessions().await.len(), 1);
    app.enter(&phone, asleep_again(&asleep).await, "alice").await;
    asleep.close();

    // What was minted from the ended session is dead.
    assert_eq!(payroll.begin(&thief, &[]).await.mark().as_deref(), Some("sign-in"), "the old cookie signs nobody in");
    let (status, refused) =
        crm.token(&[("grant_type", "refresh_token"), ("refresh_token", &crm_refresh(&crm, &thief))]).await;
    assert_eq!((status, refused["error"].as_str()), (400, Some("invalid_grant")));
    let (status, kept) = payroll
        .token(&[("grant_type", "refresh_token"), ("refresh_token", old.refresh_token.as_deref().unwrap())])
        .await;
    assert_eq!(status, 200, "a grant of offline access goes on (BC-31): {kept}");

    // The receipt, once all that answer have answered: on a busy machine the browser is gone before.
    let receipt = until(Duration::from_secs(20), "all but one are told", async || {
        let receipt = only_receipt(&app).await;
        let told = ["payroll", "crm"].iter().all(|app| outcome(&receipt, app, "backchannel") == "confirmed");
        told.then_some(receipt)
    })
    .await;
    let id = receipt["id"].as_str().unwrap();
    assert_eq!(receipt["state"], "in_progress");
    assert_eq!(receipt["scope"], "session");
    assert_eq!(
        (&receipt["requested"]["by"], &receipt["requested"]["party"]),
        (&"application".into(), &"payroll".into())
    );
    assert_eq!(receipt["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(outcome(&receipt, "payroll", "backchannel"), "confirmed");
    assert_eq!(outcome(&receipt, "crm", "backchannel"), "confirmed");
    assert_eq!(outcome(&receipt, "wiki", "frontchannel"), "sent");
    assert_eq!(outcome(&receipt, "asleep", "backchannel"), "pending");
    assert_eq!(receipt["steps"].as_array().map(Vec::len), Some(4), "{receipt:#}");

    // It wakes up, and is told.
    asleep.reopen().await;
    let (status, _) = app.api(Method::POST, &format!("/api/v1/logouts/{id}/retry"), None).await;
    assert_eq!(status, 202);
    let receipt = settled(&app, id, Duration::from_secs(20)).await;
    assert_eq!(receipt["state"], "complete", "{receipt:#}");
    let told = asleep.ledger().by(Way::Back);
    assert_eq!(told.last().unwrap().good_token().sid.as_ref(), Some(&sids[3]));
    assert!(!asleep.knows(&thief).await);
    assert!(asleep.knows(&phone).await, "the other browser's session there goes on");
}

async fn asleep_again(asleep: &acquit_testkit::TestRp) -> &acquit_testkit::TestRp {
    asleep.reopen().await;
    asleep
}

fn crm_refresh(crm: &acquit_testkit::TestRp, browser: &Browser) -> String {
    crm.session(browser).unwrap().refresh_token.expect("a refresh token without offline_access too")
}
