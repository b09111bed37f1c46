//! Acquit's pages in Chromium: with scripts and without, with third-party cookies and without. Whether an application's
//! session really ended is read off the application's own page, and held against its step.

use std::time::{Duration, Instant};

use acquit_testkit::{
    Engine, Registration, Setup, TestApp, TestRp,
    acquit::{PASSWORD, Program, outcome},
    peers::{self, Chromium, Person, chromium::Profile},
    rp::{Answer, ledger::Way},
};
use http::Method;
use serde_json::Value;

use crate::world::{only_receipt, until};

const SOON: Duration = Duration::from_secs(10);

/// Types name and password.
async fn sign_in(person: &Person, username: &str) {
    person.fill("input[name=username]", username).await;
    person.fill("input[name=password]", PASSWORD).await;
    person.click("main[data-page=sign-in] button[type=submit]:not([name]), main[data-page=sign-in] form button").await;
}

/// Gets a person into an application.
async fn enter(person: &Person, application: &TestRp) {
    person.goto(&application.url("/login")).await;
    if person.url().await.contains("/sign-in") {
        sign_in(person, "alice").await;
    }
    person.wait("main[data-page=home]").await;
    assert!(knows(person, application).await, "{}", application.id());
}

/// Whether the application's own page knows the person.
async fn knows(person: &Person, application: &TestRp) -> bool {
    person.goto(&application.url("/")).await;
    person.html().await.contains("data-session=\"live\"")
}

fn end_session(app: &TestApp<Program>, application: &TestRp) -> String {
    // As the application's button would: with the ID token of its newest session.
    let session = application.sessions().into_iter().find(|session| session.live).expect("a live session");
    let url = application.end_session_url_with(&session.id_token, Some("back again"));
    assert!(url.starts_with(&app.url("/")));
    url
}

/// No step says more than is true: a confirmed one whose application still knows the person is a lie.
async fn receipt_is_honest(app: &TestApp<Program>, person: &Person, applications: &[&TestRp]) -> Value {
    let receipt = only_receipt(app).await;
    for application in applications {
        let live = knows(person, application).await;
        let said = outcome(&receipt, application.id(), "");
        assert!(!(live && said == "confirmed"), "{} lives, and its step says confirmed: {receipt:#}", application.id());
    }
    receipt
}

struct World {
    payroll: TestRp,
    wiki: TestRp,
    docs: TestRp,
    app: TestApp<Program>,
}

async fn world(engine: Engine) -> World {
    let payroll = Registration::new("payroll").start().await;
    let wiki = Registration::new("wiki").front_only().host("wiki.localhost").start().await;
    let docs = Registration::new("docs").front_only().host("docs.localhost").start().await;
    let app = Setup::on(engine).host("id.localhost").program(&[&payroll, &wiki, &docs]).await;
    World { payroll, wiki, docs, app }
}

impl World {
    async fn enter_all(&self, person: &Person) {
        for application in [&self.payroll, &self.wiki, &self.docs] {
            enter(person, application).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_end_the_sessions_of_other_sites_and_the_browser_lands_where_it_should() {
    if !peers::take_part() {
        return;
    }
    let world = world(Engine::Postgres).await;
    let chromium = Chromium::start().await;
    let person = chromium.person("scripts", Profile::default()).await;
    world.enter_all(&person).await;
    let begun = Instant::now();
    person.goto(&end_session(&world.app, &world.payroll)).await;
    let landed = person.wait("main[data-page=landing]").await;
    assert!(landed.ends_with("/bye?state=back%20again") || landed.ends_with("/bye?state=back+again"), "{landed}");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "it leaves as soon as the frames have loaded: {:?}",
        begun.elapsed()
    );
    let problems = person.problems().await;
    assert!(problems.is_empty(), "no policy of ours is in our own way: {problems:?}");
    let receipt = receipt_is_honest(&world.app, &person, &[&world.payroll, &world.wiki, &world.docs]).await;
    for front in [&world.wiki, &world.docs] {
        assert!(!knows(&person, front).await, "{} was reached by its frame", front.id());
        assert_eq!(outcome(&receipt, front.id(), "frontchannel"), "sent");
        assert_eq!(front.ledger().by(Way::Front).len(), 1);
    }
    let receipt = until(SOON, "the report of the script is recorded", async || {
        let receipt = only_receipt(&world.app).await;
        let steps = receipt["steps"].as_array().unwrap().clone();
        let loaded = steps.iter().filter(|step| step["detail"] == "loaded").count();
        (loaded == 2).then_some(receipt)
    })
    .await;
    assert_eq!(receipt["state"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_third_party_cookies_nothing_is_claimed_that_did_not_happen() {
    if !peers::take_part() {
        return;
    }
    let world = world(Engine::Sqlite).await;
    let chromium = Chromium::start_blocking().await;
    let person = chromium.person("blocking", Profile::default()).await;
    world.enter_all(&person).await;
    person.goto(&end_session(&world.app, &world.payroll)).await;
    person.wait("main[data-page=landing]").await;
    for front in [&world.wiki, &world.docs] {
        let asked = front.ledger().wait(Way::Front, 1, SOON).await;
        let own = |name: &str, value: &str| name == "cookie" && value.contains(&front.cookie_name());
        assert!(!asked[0].headers.iter().any(|(name, value)| own(name, value)), "the browser withholds the cookie");
        assert!(knows(&person, front).await, "so the application's session goes on");
    }
    let receipt = receipt_is_honest(&world.app, &person, &[&world.payroll, &world.wiki, &world.docs]).await;
    assert_eq!(outcome(&receipt, "wiki", "frontchannel"), "sent", "{receipt:#}");
    assert_eq!(outcome(&receipt, "payroll", "backchannel"), "confirmed");
    assert!(!knows(&person, &world.payroll).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_without_scripts() {
    if !peers::take_part() {
        return;
    }
    let world = world(Engine::Sqlite).await;
    let chromium = Chromium::start().await;
    let person = chromium.person("plain", Profile { javascript: false, ..Profile::default() }).await;
    world.enter_all(&person).await;
    // Asked first, then the frames, then on by the refresh.
    person.goto(&world.app.url("/oauth2/v1/logout")).await;
    person.wait("main[data-page=sign-out-confirm]").await;
    person.click("button[name=decision][value=sign-out]").await;
    // By the refresh: nothing else leads on without a script.
    person.wait("main[data-page=signed-out]").await;
    assert!(!person.html().await.contains("alice"), "and shows nobody's data");
    person.click("a[data-receipt]").await;
    person.wait("main[data-page=receipt]").await;
    let html = person.html().await;
    for party in ["payroll", "wiki", "docs"] {
        assert!(html.contains(&format!("data-party=\"{party}\"")), "{party}: {html}");
    }
    let receipt = receipt_is_honest(&world.app, &person, &[&world.payroll, &world.wiki, &world.docs]).await;
    assert_eq!(receipt["state"], "complete", "{receipt:#}");
    for front in [&world.wiki, &world.docs] {
        assert!(!knows(&person, front).await);
        let step = receipt["steps"].as_array().unwrap().iter().find(|step| step["party"] == front.id()).unwrap();
        assert_eq!(step["detail"], "rendered", "nobody reported that it loaded: {step:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_hangs_holds_the_browser_no_longer_than_the_cap() {
    if !peers::take_part() {
        return;
    }
    let world = world(Engine::Sqlite).await;
    world.wiki.frame_always_answers(Answer::Hang);
    let chromium = Chromium::start().await;
    let person = chromium.person("waiting", Profile::default()).await;
    world.enter_all(&person).await;
    let url = end_session(&world.app, &world.payroll);
    let begun = Instant::now();
    // A page with a frame that hangs never fires "load": so not by goto.
    person.eval(&format!("void setTimeout(() => location.assign({}))", Value::from(url))).await;
    person.wait("main[data-page=landing]").await;
    let gone = begun.elapsed();
    // Without the cap it would be kept for ever, so that it came at all is the proof; a busy machine takes its time.
    assert!(gone > Duration::from_secs(4), "it waits for the frame as long as it may: {gone:?}");
    assert!(!knows(&person, &world.docs).await, "the other frame was loaded meanwhile");
    let receipt = receipt_is_honest(&world.app, &person, &[&world.payroll, &world.wiki, &world.docs]).await;
    let step = receipt["steps"].as_array().unwrap().iter().find(|step| step["party"] == "wiki").unwrap();
    assert_eq!((&step["outcome"], &step["detail"]), (&"sent".into(), &"rendered".into()), "{step:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_renews_itself_and_the_back_button_shows_nobodys_data() {
    if !peers::take_part() {
        return;
    }
    let asleep = Registration::new("asleep").start().await;
    let app = Setup::on(Engine::Sqlite).host("id.localhost").program(&[&asleep]).await;
    let chromium = Chromium::start().await;
    let person = chromium.person("watching", Profile::default()).await;
    enter(&person, &asleep).await;
    asleep.close();
    person.goto(&app.url("/account")).await;
    assert!(person.html().await.contains("alice"));
    person.click("main[data-page=account] button[name=scope][value=user], main[data-page=account] form:has(input[name=scope]) button").await;
    person.wait("main[data-page=signed-out]").await;
    let link = person.eval("document.querySelector('a[data-receipt]').href").await.as_str().unwrap().to_owned();
    person.back().await;
    assert!(!person.html().await.contains("alice"), "the back button shows no one's data: {}", person.html().await);
    let receipt = only_receipt(&app).await;
    let id = receipt["id"].as_str().unwrap();
    person.goto(&link).await;
    person.wait("[data-party=asleep][data-outcome=pending]").await;
    person.eval("window.stays = true").await;
    asleep.reopen().await;
    app.api(Method::POST, &format!("/api/v1/logouts/{id}/retry"), None).await;
    person.wait("[data-party=asleep][data-outcome=confirmed]").await;
    assert_eq!(person.eval("window.stays === true").await, true, "the page was renewed, not loaded again");
    assert!(person.problems().await.is_empty());
    assert!(!asleep.sessions()[0].live);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_free_of_barriers_on_phone_and_desktop_in_light_and_dark() {
    if !peers::take_part() {
        return;
    }
    let payroll = Registration::new("payroll").with("consent = true").start().await;
    let wiki = Registration::new("wiki").front_only().host("wiki.localhost").start().await;
    let (asleep, mute) = (Registration::new("asleep").start().await, Registration::new("mute").untold().start().await);
    let rude = Registration::new("rude").start().await;
    rude.always_answers(Answer::Error(400, "invalid_request".into(), "what is this?".into()));
    let app = Setup::on(Engine::Sqlite)
        .host("id.localhost")
        .with("[lifetimes]\nsign_out_page = \"30s\"\n")
        .program(&[&payroll, &wiki, &asleep, &mute, &rude])
        .await;
    let chromium = Chromium::start().await;
    let person = chromium.person("pictures", Profile::default()).await;

    person.goto(&payroll.url("/login")).await;
    person.wait("main[data-page=sign-in]").await;
    person.pictures("sign-in").await;
    person.fill("input[name=username]", "alice").await;
    person.fill("input[name=password]", "wrong").await;
    person.click("main[data-page=sign-in] form button").await;
    person.wait("main[data-page=sign-in]").await;
    person.pictures("sign-in-refused").await;
    sign_in(&person, "alice").await;
    person.wait("main[data-page=consent]").await;
    person.pictures("consent").await;
    person.click("button[value=allow]").await;
    person.wait("main[data-page=home]").await;
    for application in [&wiki, &asleep, &mute, &rude] {
        enter(&person, application).await;
    }
    person.goto(&app.url("/account")).await;
    person.pictures("account").await;
    person.goto(&app.url("/oauth2/v1/logout?client_id=nobody")).await;
    person.wait("main[data-page=error]").await;
    person.pictures("error").await;
    person.goto(&app.url("/oauth2/v1/logout")).await;
    person.wait("main[data-page=sign-out-confirm]").await;
    person.pictures("sign-out-confirm").await;

    asleep.close();
    wiki.frame_always_answers(Answer::Hang);
    person.eval("void setTimeout(() => document.querySelector('button[value=sign-out]').click())").await;
    person.wait("main[data-page=signing-out]").await;
    person.pictures("signing-out").await;
    person.click("a[data-continue]").await;
    person.wait("main[data-page=signed-out]").await;
    person.pictures("signed-out").await;
    person.click("a[data-receipt]").await;
    person.wait("main[data-page=receipt]").await;
    person.pictures("receipt").await;
    person.eval("for (const part of document.querySelectorAll('details')) part.open = true").await;
    person.pictures("receipt-open").await;

    let problems = person.problems().await;
    let ours: Vec<_> =
        problems.iter().filter(|problem| problem.to_string().contains("Content Security Policy")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}
