//! The chain of hops in Chromium, across sites, with third-party cookies blocked: three SAML applications, one by each binding, and
//! two of OpenID Connect. A sign-out at each of the five ends all five.

use std::time::Duration;

use acquit_testkit::{
    Engine, Registration, Setup, SpRegistration,
    acquit::PASSWORD,
    peers::{self, Chromium, Person, chromium::Profile},
    rp::ledger::Way,
    sp::Binding,
};

use crate::world::{only_receipt, until};

async fn enter(person: &Person, login: &str, mark: &str) {
    person.goto(login).await;
    if person.url().await.contains("/sign-in") {
        person.fill("input[name=username]", "alice").await;
        person.fill("input[name=password]", PASSWORD).await;
        person.click("main[data-page=sign-in] form button").await;
    }
    person.wait(&format!("main[data-page={mark}]")).await;
}

async fn knows(person: &Person, home: &str) -> bool {
    person.goto(home).await;
    person.html().await.contains("data-session=\"live\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_at_each_of_five_applications_ends_all_five() {
    if !peers::take_part() {
        return;
    }
    let chromium = Chromium::start_blocking().await;
    for begins_at in 0..5 {
        let bindings = [("wiki", Binding::Redirect), ("forum", Binding::Post), ("files", Binding::Soap)];
        let mut sps = Vec::new();
        for (id, told) in bindings {
            sps.push(SpRegistration::new(id, told).with("session_index_required = true").start().await);
        }
        let payroll = Registration::new("payroll").host("payroll.localhost").start().await;
        let crm = Registration::new("crm").host("crm.localhost").start().await;
        let mut setup = Setup::on(Engine::Sqlite).host("id.localhost");
        for sp in &sps {
            setup = setup.with(&sp.configuration());
        }
        let app = setup.program(&[&payroll, &crm]).await;
        for sp in &sps {
            sp.trust(app.as_issuer());
        }
        let person = chromium.person(&format!("person-{begins_at}"), Profile::default()).await;
        for rp in [&payroll, &crm] {
            enter(&person, &rp.url("/login"), "home").await;
        }
        for sp in &sps {
            enter(&person, &sp.url("/login"), "signed-in").await;
        }

        let _ = person.problems().await;
        match begins_at {
            0 | 1 => {
                let rp = [&payroll, &crm][begins_at];
                let session = rp.sessions().into_iter().find(|session| session.live).expect("a live session");
                person.goto(&rp.end_session_url_with(&session.id_token, None)).await;
            }
            sp => drop(person.goto(&sps[sp - 2].url("/logout")).await),
        }
        person.wait("main[data-page=landing]").await;
        let problems = person.problems().await;
        assert!(problems.is_empty(), "no policy of ours is in our own way: {problems:?}");
        for rp in [&payroll, &crm] {
            rp.ledger().wait(Way::Back, 1, Duration::from_secs(10)).await;
            assert!(!knows(&person, &rp.url("/")).await, "begun at {begins_at}");
        }
        if begins_at >= 2 {
            assert_eq!(sps[begins_at - 2].responses(), ["Success"], "begun at {begins_at}");
        }
        for (at, sp) in sps.iter().enumerate().filter(|(at, _)| at + 2 != begins_at) {
            assert!(!knows(&person, &sp.url("/")).await, "begun at {begins_at}, still in at {at}");
        }
        until(Duration::from_secs(10), "the receipt is complete", async || {
            (only_receipt(&app).await["state"] == "complete").then_some(())
        })
        .await;
        person.leave().await;
    }
}
