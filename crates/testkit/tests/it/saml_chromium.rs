//! The chain of hops in Chromium, across sites, with third-party cookies blocked: three SAML applications, one by each binding, and
//! two of OpenID Connect. Whatever a receipt says of an application is held against that application's own session.

use std::time::Duration;

use acquit_testkit::{
    Engine, Registration, Setup, SpRegistration, TestApp, TestRp, TestSp,
    acquit::{PASSWORD, Program},
    peers::{self, Chromium, Person, chromium::Profile},
    rp::ledger::Way,
    sp::{Binding, Manner},
};
use serde_json::Value;

use crate::world::{only_receipt, settled, until};

const SOON: Duration = Duration::from_secs(10);
/// The applications, as [`Five`] has them.
const NAMES: [&str; 5] = ["payroll", "crm", "wiki", "forum", "files"];

async fn enter(person: &Person, login: &str, mark: &str) {
    person.goto(login).await;
    if person.url().await.contains("/sign-in") {
        person.fill("input[name=username]", "alice").await;
        person.fill("input[name=password]", PASSWORD).await;
        person.click("main[data-page=sign-in] form button").await;
    }
    person.wait(&format!("main[data-page={mark}]")).await;
}

/// Five applications, each of a site of its own, and Acquit at another.
struct Five {
    app: TestApp<Program>,
    rps: [TestRp; 2],
    sps: [TestSp; 3],
    person: Person,
}

impl Five {
    /// With the person signed in at all five.
    async fn new(chromium: &Chromium, name: &str, crm: Registration) -> Self {
        let of = |id, told, at| SpRegistration::new(id, told).at(at).with("session_index_required = true").start();
        let sps = [
            of("wiki", Binding::Redirect, [127, 0, 0, 2]).await,
            of("forum", Binding::Post, [127, 0, 0, 3]).await,
            of("files", Binding::Soap, [127, 0, 0, 4]).await,
        ];
        let payroll = Registration::new("payroll").host("payroll.localhost").start().await;
        let crm = crm.host("crm.localhost").start().await;
        let mut setup = Setup::on(Engine::Sqlite).host("id.localhost");
        for sp in &sps {
            setup = setup.with(&sp.configuration());
        }
        let app = setup.program(&[&payroll, &crm]).await;
        for sp in &sps {
            sp.trust(app.as_issuer());
        }
        let person = chromium.person(name, Profile::default()).await;
        let five = Self { app, rps: [payroll, crm], sps, person };
        for rp in &five.rps {
            enter(&five.person, &rp.url("/login"), "home").await;
        }
        for sp in &five.sps {
            enter(&five.person, &sp.url("/login"), "signed-in").await;
        }
        assert_eq!(five.live().await, [true; 5]);
        let _ = five.person.problems().await;
        five
    }

    fn url(&self, at: usize, path: &str) -> String {
        if at < 2 { self.rps[at].url(path) } else { self.sps[at - 2].url(path) }
    }

    /// Which applications still know the person, by what they show in this browser.
    async fn live(&self) -> [bool; 5] {
        let mut live = [false; 5];
        for (at, live) in live.iter_mut().enumerate() {
            self.person.goto(&self.url(at, "/")).await;
            *live = self.person.html().await.contains("data-session=\"live\"");
        }
        live
    }

    /// Signs out by an application's own button, up to where the chain leaves the browser.
    async fn sign_out_at(&self, at: usize) {
        self.person.goto(&self.url(at, "/logout")).await;
        self.person.wait("main[data-page=landing]").await;
        let problems = self.person.problems().await;
        assert!(problems.is_empty(), "begun at {at}: no policy of ours is in our own way: {problems:?}");
    }

    /// The settled receipt and the sessions, which it must not contradict.
    async fn truth(&self) -> (Value, [bool; 5]) {
        let id = only_receipt(&self.app).await["id"].as_str().unwrap().to_owned();
        let receipt = settled(&self.app, &id, SOON).await;
        let live = self.live().await;
        let lies = lies(&receipt, live);
        assert!(lies.is_empty(), "confirmed, and yet signed in: {lies:?} {receipt:#}");
        (receipt, live)
    }
}

fn outcome_of<'a>(receipt: &'a Value, party: &str) -> Option<&'a str> {
    receipt["steps"].as_array()?.iter().find(|step| step["party"] == party)?["outcome"].as_str()
}

/// Who is said to have confirmed and still has the person's session.
fn lies(receipt: &Value, live: [bool; 5]) -> Vec<&'static str> {
    let with = NAMES.into_iter().zip(live);
    with.filter(|(name, live)| *live && outcome_of(receipt, name) == Some("confirmed")).map(|(name, _)| name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_at_each_of_five_applications_ends_all_five() {
    if !peers::take_part() {
        return;
    }
    let chromium = Chromium::start_blocking().await;
    for begins_at in 0..5 {
        let five = Five::new(&chromium, &format!("person-{begins_at}"), Registration::new("crm")).await;
        five.sign_out_at(begins_at).await;
        for rp in &five.rps {
            rp.ledger().wait(Way::Back, 1, SOON).await;
        }
        let (receipt, live) = five.truth().await;
        assert_eq!(live, [false; 5], "begun at {begins_at}: {receipt:#}");
        assert_eq!(receipt["state"], "complete", "begun at {begins_at}: {receipt:#}");
        for (at, name) in NAMES.into_iter().enumerate() {
            // A SAML application that asked has ended its own session, and is answered instead.
            let is_asker = at == begins_at && at >= 2;
            let expected = if is_asker { None } else { Some("confirmed") };
            assert_eq!(outcome_of(&receipt, name), expected, "begun at {begins_at}: {name}: {receipt:#}");
        }
        if let Some(asker) = begins_at.checked_sub(2).map(|at| &five.sps[at]) {
            assert_eq!(asker.responses(), ["Success"], "begun at {begins_at}");
        }
        five.person.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_goes_on_is_not_called_confirmed() {
    if !peers::take_part() {
        return;
    }
    let chromium = Chromium::start_blocking().await;
    // Told in a frame, where its cookie is a third party's and stays away.
    let five = Five::new(&chromium, "person", Registration::new("crm").front_only()).await;
    five.sps[1].behave(Manner::Refuse);
    five.person.goto(&five.url(2, "/logout")).await;
    five.person.wait("main[data-page=landing]").await;
    assert_eq!(five.sps[0].responses(), ["Success/PartialLogout"]);
    until(SOON, "the frame is told", async || (!five.rps[1].ledger().by(Way::Front).is_empty()).then_some(())).await;
    let (receipt, live) = five.truth().await;
    assert_eq!(live, [false, true, false, true, false], "{receipt:#}");
    let outcomes = NAMES.map(|name| outcome_of(&receipt, name));
    let expected = [Some("confirmed"), Some("sent"), None, Some("failed"), Some("confirmed")];
    assert_eq!((outcomes, &receipt["state"]), (expected, &"incomplete".into()), "{receipt:#}");
    // The comparison itself notices what it is for.
    assert_eq!(lies(&receipt, [true; 5]), ["payroll", "files"]);
    five.person.leave().await;
}
