//! Every ending of a session is a logout: age, idleness, an operator, another password, a user who is kept out or gone.

use std::{fs, time::Duration};

use acquit_server::sweep;
use acquit_testkit::{
    Browser, Engine, Registration, Setup, TestApp, TestRp,
    acquit::{InProcess, Program, outcome},
    rp::ledger::Way,
};
use http::Method;
use serde_json::json;

use crate::world::{enter_all, only_receipt};

const HOUR: Duration = Duration::from_secs(3600);

async fn in_process() -> (TestRp, TestApp<InProcess>, Browser) {
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&payroll]).await;
    let browser = Browser::new();
    app.enter(&browser, &payroll, "alice").await;
    (payroll, app, browser)
}

async fn told(payroll: &TestRp, browser: &Browser) {
    let told = payroll.ledger().wait(Way::Back, 1, Duration::from_secs(10)).await;
    let sid = payroll.session(browser).unwrap().sid;
    assert_eq!(told[0].good_token().sid, sid, "by the sid of the session that ended");
    assert!(!payroll.knows(browser).await);
}

#[tokio::test]
async fn an_idle_session_ends_and_tells_its_applications_long_after_every_token_expired() {
    let (payroll, app, browser) = in_process().await;
    app.runs.advance(11 * HOUR);
    assert_eq!(sweep::end_overdue(&app.runs.app).await.unwrap(), 0);
    app.runs.advance(HOUR + Duration::from_secs(1));
    assert_eq!(sweep::end_overdue(&app.runs.app).await.unwrap(), 1);
    told(&payroll, &browser).await;
    let receipt = only_receipt(&app).await;
    assert_eq!(receipt["requested"]["by"], "policy");
    assert_eq!(payroll.begin(&browser, &[]).await.mark().as_deref(), Some("sign-in"));
}

#[tokio::test]
async fn a_session_in_use_ends_at_its_greatest_age() {
    let (payroll, app, browser) = in_process().await;
    for _ in 0..(7 * 24 / 6) {
        assert_eq!(sweep::end_overdue(&app.runs.app).await.unwrap(), 0);
        assert_eq!(browser.open(&app.url("/account")).await.mark().as_deref(), Some("account"), "use keeps it alive");
        app.runs.advance(6 * HOUR);
    }
    assert_ne!(
        browser.open(&app.url("/account")).await.mark().as_deref(),
        Some("account"),
        "refused even before it is swept"
    );
    assert_eq!(sweep::end_overdue(&app.runs.app).await.unwrap(), 1);
    told(&payroll, &browser).await;
}

#[tokio::test]
async fn an_operator_ends_a_session_and_a_user() {
    for (method, path, by_session) in [
        (Method::DELETE, "/api/v1/sessions/", true),
        (Method::POST, "/api/v1/logouts", true),
        (Method::POST, "/api/v1/logouts", false),
    ] {
        let (payroll, app, browser) = in_process().await;
        let session = app.live_sessions().await[0]["id"].as_str().unwrap().to_owned();
        let (status, receipt) = match (method == Method::DELETE, by_session) {
            (true, _) => app.api(method, &format!("{path}{session}"), None).await,
            (false, true) => {
                app.api(method, path, Some(&json!({ "scope": "session", "session": session, "reason": "x" }))).await
            }
            (false, false) => app.api(method, path, Some(&json!({ "scope": "user", "user": "alice" }))).await,
        };
        assert_eq!(status, 202, "{receipt}");
        assert_eq!(
            (&receipt["requested"]["by"], &receipt["requested"]["party"]),
            (&"administrator".into(), &"ops".into())
        );
        told(&payroll, &browser).await;
        assert!(app.live_sessions().await.is_empty());
    }
}

#[tokio::test]
async fn a_logout_of_somebody_who_is_not_signed_in_leaves_a_receipt_that_says_so() {
    let (payroll, app, browser) = in_process().await;
    let order = json!({ "scope": "user", "user": "bob" });
    let (status, receipt) = app.api(Method::POST, "/api/v1/logouts", Some(&order)).await;
    assert_eq!((status, &receipt["state"]), (202, &"complete".into()), "{receipt}");
    assert_eq!((&receipt["sessions"], &receipt["steps"]), (&json!([]), &json!([])), "{receipt}");
    // Asked again, it is the same one.
    assert_eq!(app.api(Method::POST, "/api/v1/logouts", Some(&order)).await.1["id"], receipt["id"]);
    assert!(payroll.knows(&browser).await);
}

#[tokio::test]
async fn the_account_page_ends_one_session_or_all() {
    let (payroll, app, browser) = in_process().await;
    let phone = Browser::new();
    app.enter(&phone, &payroll, "alice").await;
    let page = phone.open(&app.url("/account")).await;
    let mut buttons = Vec::new();
    for form in page.forms() {
        let own = form.fields.iter().chain(&form.buttons).find(|(name, _)| name == "session").cloned();
        buttons.extend(own.map(|_| form));
    }
    assert_eq!(buttons.len(), 2, "one button for each session: {page} {:#?}", page.forms());
    // The last one listed is the other browser's.
    let mut form = buttons.remove(1);
    let pressed = form.buttons.iter().find(|(name, _)| name == "session").cloned();
    form.fields.extend(pressed);
    let ended = phone.submit(&page, form).await;
    assert_eq!(ended.mark().as_deref(), Some("account"), "{ended}");
    told(&payroll, &browser).await;
    assert!(payroll.knows(&phone).await);
    let page = phone.open(&app.url("/account")).await;
    let out = phone.submit(&page, page.form_with("scope").press("scope", "user")).await;
    assert_eq!(out.mark().as_deref(), Some("signed-out"), "{out}");
    assert!(app.live_sessions().await.is_empty());
}

#[tokio::test]
async fn somebody_elses_sign_in_in_the_same_browser_ends_the_session_before() {
    let (payroll, app, browser) = in_process().await;
    // A sign-in at the very instant of the request would count as the one that it asks for.
    app.runs.advance(Duration::from_secs(1));
    let page = payroll.begin(&browser, &[("prompt", "login")]).await;
    app.sign_in(&browser, &page, "bob").await;
    let live = app.live_sessions().await;
    assert_eq!(live.len(), 1);
    assert_eq!(live[0]["user"]["username"], "bob");
    payroll.ledger().wait(Way::Back, 1, Duration::from_secs(5)).await;
    let receipt = only_receipt(&app).await;
    assert_eq!(outcome(&receipt, "payroll", "backchannel"), "confirmed");
}

/// A change of the configuration's text.
type Change = fn(String) -> String;

/// Changes the configuration of a program that stands still, and starts it again.
async fn with_other_configuration(app: &TestApp<Program>, change: impl Fn(String) -> String) {
    app.runs.kill();
    let file = app.runs.folder().join("acquit.toml");
    fs::write(&file, change(fs::read_to_string(&file).unwrap())).unwrap();
    app.runs.launch(&[]).await;
}

/// The part of a configuration that begins with this line and ends before the next part.
fn part(text: &str, begin: &str) -> String {
    let at = text.find(begin).expect("the part");
    let at = text[..at].rfind("[[").expect("its head");
    let end = text[at + 2..].find("\n[").map_or(text.len(), |end| at + 2 + end);
    text[at..end].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_a_users_end_and_the_logout_is_made_up_for_after_the_next_start() {
    for engine in Engine::BOTH {
        let payroll = Registration::new("payroll").start().await;
        let app = Setup::on(engine).program(&[&payroll]).await;
        let browser = Browser::new();
        app.enter(&browser, &payroll, "bob").await;
        app.runs.kill();
        let file = app.runs.folder().join("acquit.toml");
        let text = fs::read_to_string(&file).unwrap();
        let old = part(&text, "username = \"bob\"");
        fs::write(&file, text.replace(&old, &format!("{}\ndisabled = true\n", old.trim_end()))).unwrap();
        app.runs.spawn(&[("ACQUIT_FAILPOINT", "overtaken")]);
        app.runs.ended(Duration::from_secs(30)).await;
        assert!(payroll.ledger().by(Way::Back).is_empty());
        // This time the configuration changes nothing any more.
        app.runs.launch(&[]).await;
        told(&payroll, &browser).await;
        let receipt = only_receipt(&app).await;
        assert_eq!((&receipt["requested"]["by"], &receipt["scope"]), (&"policy".into(), &"user".into()), "{engine:?}");
        assert!(app.live_sessions().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_password_changed_or_who_is_kept_out_or_gone_is_out_everywhere() {
    for engine in Engine::BOTH {
        let payroll = Registration::new("payroll").start().await;
        let crm = Registration::new("crm").alg("ES256").start().await;
        let app = Setup::on(engine).program(&[&payroll, &crm]).await;
        let browsers = [Browser::new(), Browser::new(), Browser::new()];
        for (browser, user) in browsers.iter().zip(["alice", "bob", "carol"]) {
            enter_all(&app, browser, &[&payroll, &crm], user).await;
        }
        let already = crm.ledger().by(Way::Back).len();
        let ends: [(&str, Change); 3] = [
            ("alice", |text| {
                let old = part(&text, "username = \"alice\"");
                let new: String =
                    old.lines().filter(|line| !line.starts_with("password_hash")).collect::<Vec<_>>().join("\n");
                text.replace(&old, &format!("{}\npassword = \"another password of hers\"\n", new.trim_end()))
            }),
            ("bob", |text| {
                let old = part(&text, "username = \"bob\"");
                text.replace(&old, &format!("{}\ndisabled = true\n", old.trim_end()))
            }),
            ("carol", |text| {
                let old = part(&text, "username = \"carol\"");
                text.replace(&old, "")
            }),
        ];
        for (at, (user, change)) in ends.into_iter().enumerate() {
            with_other_configuration(&app, change).await;
            crm.ledger().wait(Way::Back, already + at + 1, Duration::from_secs(10)).await;
            for (other, browser) in browsers.iter().enumerate() {
                assert_eq!(crm.knows(browser).await, other > at, "{engine:?}: {user} ends at {at}, asked for {other}");
            }
            assert_eq!(app.live_sessions().await.len(), 2 - at);
            let page = payroll.begin(&browsers[at], &[]).await;
            assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
            let refused = app.sign_in(&browsers[at], &page, user).await;
            assert_eq!(refused.mark().as_deref(), Some("sign-in"), "the old password is no use to {user}: {refused}");
        }
    }
}
