//! Back-Channel Logout 1.0 as an application receives it. Every token that arrives at a [`TestRp`] is held against
//! BC-7 to BC-14, BC-20 to BC-27 and BC-35 there; here is what a single token cannot show.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Registration, Setup, TestRp,
    acquit::outcome,
    rp::{Answer, ledger::Way},
};
use http::Method;

use crate::world::{enter_all, only_receipt, settle_between_attempts, settle_by_clock, until};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn each_application_is_told_in_its_own_algorithm_by_its_own_sid() {
    let mut applications = Vec::new();
    for alg in ["RS256", "ES256", "PS256", "EdDSA"] {
        applications.push(Registration::new(&format!("app-{}", alg.to_lowercase())).alg(alg).start().await);
    }
    let all: Vec<&TestRp> = applications.iter().collect();
    let app = Setup::on(Engine::Sqlite).start(&all).await;
    let browser = Browser::new();
    enter_all(&app, &browser, &all, "alice").await;
    browser.open(&applications[0].end_session_url(&browser, None)).await;
    let mut kids = std::collections::HashSet::new();
    for application in &applications {
        let entry = application.ledger().wait(Way::Back, 1, SOON).await.remove(0);
        let token = entry.good_token();
        assert_eq!(token.sid, application.session(&browser).unwrap().sid);
        assert_eq!(entry.ended, 1);
        assert!(entry.body.starts_with("logout_token="), "{}", entry.body);
        kids.insert(token.kid.clone());
    }
    assert_eq!(kids.len(), 4, "one key for each algorithm");
}

#[tokio::test]
async fn a_logout_is_tried_with_a_fresh_token_until_it_is_confirmed() {
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&payroll]).await;
    let browser = Browser::new();
    app.enter(&browser, &payroll, "alice").await;
    let answers =
        [Answer::Status(500), Answer::Status(503), Answer::Status(429), Answer::Status(408), Answer::Status(425)];
    payroll.answers(answers);
    browser.open(&payroll.end_session_url(&browser, None)).await;
    let id = only_receipt(&app).await["id"].as_str().unwrap().to_owned();
    // Far beyond the life of any token: each attempt signs a new one.
    let receipt = settle_between_attempts(&app, &id, Duration::from_secs(61), Duration::from_secs(60)).await;
    assert_eq!(receipt["state"], "complete", "{receipt:#}");
    let statuses: Vec<_> = receipt["steps"][0]["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|attempt| attempt["status"].as_u64())
        .collect();
    assert_eq!(statuses, [500, 503, 429, 408, 425, 200]);
    assert!(payroll.ledger().by(Way::Back).iter().all(|entry| matches!(entry.token, Some(Ok(_)))));
}

#[tokio::test]
async fn a_step_whose_deadline_passes_has_failed_and_says_so() {
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&payroll]).await;
    let browser = Browser::new();
    app.enter(&browser, &payroll, "alice").await;
    payroll.always_answers(Answer::Status(503));
    browser.open(&payroll.end_session_url(&browser, None)).await;
    let id = only_receipt(&app).await["id"].as_str().unwrap().to_owned();
    let receipt = settle_by_clock(&app, &id, Duration::from_secs(3600), Duration::from_secs(90)).await;
    assert_eq!(receipt["state"], "incomplete");
    assert_eq!(outcome(&receipt, "payroll", "backchannel"), "failed", "{receipt:#}");
    let tries = payroll.ledger().by(Way::Back).len();
    assert!(tries >= 8, "tried {tries} times in 72 hours");
    // By hand it can be tried once more.
    app.runs.advance(Duration::from_secs(1));
    payroll.always_answers(Answer::Honour);
    let (status, _) = app.api(Method::POST, &format!("/api/v1/logouts/{id}/retry"), None).await;
    assert_eq!(status, 202);
    payroll.ledger().wait(Way::Back, tries + 1, SOON).await;
    assert_eq!(payroll.ledger().by(Way::Back).last().unwrap().status, Some(200));
    until(SOON, "the step is confirmed", async || {
        let receipt = app.receipt(&id).await;
        (receipt["state"] == "complete").then_some(())
    })
    .await;
    assert_eq!(payroll.ledger().by(Way::Back).len(), tries + 1);
}

#[tokio::test]
async fn every_answer_is_judged_by_its_status() {
    for (status, expected) in [
        (200, "confirmed"),
        (204, "confirmed"),
        (201, "failed"),
        (202, "failed"),
        (301, "failed"),
        (307, "failed"),
        (400, "failed"),
        (401, "failed"),
        (403, "failed"),
        (404, "failed"),
        (410, "failed"),
        (500, "pending"),
        (501, "pending"),
        (502, "pending"),
        (504, "pending"),
        (408, "pending"),
        (425, "pending"),
        (429, "pending"),
    ] {
        let payroll = Registration::new("payroll").start().await;
        let app = Setup::on(Engine::Sqlite).start(&[&payroll]).await;
        let browser = Browser::new();
        app.enter(&browser, &payroll, "alice").await;
        // A young key's 400 is tried once more; this key is older than that.
        app.runs.advance(Duration::from_secs(2 * 3600));
        payroll.always_answers(Answer::Status(status));
        browser.open(&payroll.end_session_url(&browser, None)).await;
        payroll.ledger().wait(Way::Back, 1, SOON).await;
        let receipt = until(SOON, "the attempt is recorded", async || {
            let receipt = only_receipt(&app).await;
            receipt["steps"][0]["attempts"].as_array().is_some_and(|attempts| !attempts.is_empty()).then_some(receipt)
        })
        .await;
        assert_eq!(outcome(&receipt, "payroll", "backchannel"), expected, "{status}: {receipt:#}");
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_cut_and_costs_nothing() {
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&payroll]).await;
    let browser = Browser::new();
    app.enter(&browser, &payroll, "alice").await;
    payroll.always_answers(Answer::Endless);
    let landing = browser.open(&payroll.end_session_url(&browser, None)).await;
    assert_eq!(landing.mark().as_deref(), Some("landing"));
    let receipt = until(SOON, "the attempt is recorded", async || {
        let receipt = only_receipt(&app).await;
        receipt["steps"][0]["attempts"].as_array().is_some_and(|attempts| !attempts.is_empty()).then_some(receipt)
    })
    .await;
    assert_eq!(outcome(&receipt, "payroll", "backchannel"), "confirmed", "its status was 200: {receipt:#}");
}

#[tokio::test]
async fn an_address_that_the_operator_did_not_allow_is_not_even_configured() {
    let payroll = Registration::new("payroll").start().await;
    let complaint = Setup::on(Engine::Sqlite).without_loopback().complaint(&[&payroll]);
    assert!(complaint.contains("egress policy refuses to reach `127.0.0.1`"), "{complaint}");
    assert!(complaint.contains("backchannel_logout_uri"), "{complaint}");
}

#[tokio::test]
async fn an_application_joined_a_moment_before_the_logout_is_told_once_more() {
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&payroll]).await;
    let browser = Browser::new();
    app.enter(&browser, &payroll, "alice").await;
    browser.open(&payroll.end_session_url(&browser, None)).await;
    payroll.ledger().wait(Way::Back, 1, SOON).await;
    until(SOON, "it is told again once five seconds have passed", async || {
        app.runs.advance(Duration::from_secs(1));
        (payroll.ledger().by(Way::Back).len() == 2).then_some(())
    })
    .await;
    let told = payroll.ledger().by(Way::Back);
    assert_eq!(told[0].good_token().sid, told[1].good_token().sid);
}

#[tokio::test]
async fn what_an_application_writes_is_for_operators_and_never_on_the_page() {
    let payroll = Registration::new("payroll").start().await;
    let app = Setup::on(Engine::Sqlite).start(&[&payroll]).await;
    let browser = Browser::new();
    app.enter(&browser, &payroll, "alice").await;
    app.runs.advance(Duration::from_secs(2 * 3600));
    payroll.always_answers(Answer::Error(400, "invalid_request".into(), "<b>call this number</b> (now)".into()));
    let page = browser.open(&app.url("/oauth2/v1/logout")).await;
    let out = browser.submit(&page, page.form_with("decision").press("decision", "sign-out")).await;
    let link = out.link("data-receipt").expect("a receipt");
    let page = until(SOON, "the attempt is on the page", async || {
        let page = browser.open(link.as_str()).await;
        page.steps().iter().any(|(.., outcome)| outcome == "failed").then_some(page)
    })
    .await;
    assert!(page.text().contains("400"), "{page}");
    assert!(!page.body.contains("call this number") && !page.body.contains("invalid_request"), "{page}");
    let receipt = only_receipt(&app).await;
    assert!(receipt.to_string().contains("call this number"), "{receipt:#}");
}
