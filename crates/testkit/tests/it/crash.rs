//! `kill -9` again and again: what was acknowledged is told to every application, and nothing that was minted from an ended
//! session works afterwards. The truth is the ledger that the applications keep.
//!
//! `ACQUIT_CRASH_ROUNDS` sets the number of rounds (12 by default; the campaign has 200), `ACQUIT_CRASH_SEED` repeats one.

use std::{collections::HashSet, io::Write as _, time::Duration};

use acquit_testkit::{
    Browser, Engine, Registration, Setup, TestApp, TestRp,
    acquit::Program,
    browser::Load,
    rp::{Answer, RpSession, ledger::Way},
};
use serde_json::Value;

use crate::world::{enter_all, until};

mod unrecorded;

use unrecorded::{one_unrecorded_round, unrecorded_rounds};

/// Where a round kills the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kill {
    /// Between the commit and the answer.
    AtTheFailpoint,
    /// While an application has been sent its token and has not answered.
    DuringDelivery,
    /// Somewhere around the request.
    AtRandom,
}

impl Kill {
    fn of(round: usize) -> Self {
        [Self::AtTheFailpoint, Self::DuringDelivery, Self::AtRandom, Self::AtRandom][round % 4]
    }

    fn env(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::AtTheFailpoint => &[("ACQUIT_FAILPOINT", "logout-committed")],
            Self::DuringDelivery | Self::AtRandom => &[],
        }
    }
}

/// What a round leaves behind.
struct Round {
    kill: Kill,
    session: String,
    acknowledged: bool,
    thief: Browser,
    minted: Vec<RpSession>,
    /// A code that was never redeemed, of the first application.
    code: String,
}

#[expect(clippy::disallowed_methods, reason = "tests are configured by their environment")]
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Says something past the test harness: how a campaign goes, and how to repeat it.
fn say(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// Numbers that look random and can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_logout_is_lost_by_a_kill_on_sqlite() {
    campaign(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_logout_is_lost_by_a_kill_on_postgres() {
    campaign(Engine::Postgres).await;
}

async fn campaign(engine: Engine) {
    let rounds = usize::try_from(number("ACQUIT_CRASH_ROUNDS", 12)).unwrap();
    let seed = number("ACQUIT_CRASH_SEED", u64::from(std::process::id()) * 2_654_435_761 + 1);
    say(&format!("{engine:?}: {rounds} rounds, ACQUIT_CRASH_SEED={seed}"));
    let mut dice = Dice(seed);
    let payroll = Registration::new("payroll").alg("ES256").start().await;
    let crm = Registration::new("crm").start().await;
    let slow = Registration::new("slow").alg("EdDSA").public().start().await;
    let roaming = Registration::new("roaming").alg("ES256").scope("openid offline_access").start().await;
    let everyone = [&payroll, &crm, &slow, &roaming];
    let app = Setup::on(engine).program(&everyone).await;
    app.runs.kill();
    app.runs.launch(Kill::of(0).env()).await;

    let mut done: Vec<Round> = Vec::new();
    for at in 0..rounds {
        if at > 0 && at % 50 == 0 {
            say(&format!("{engine:?}: round {at}"));
        }
        let round = one_round(&app, &everyone, Kill::of(at), &mut dice).await;
        slow.always_answers(Answer::Honour);
        app.runs.launch(Kill::of(at + 1).env()).await;
        let ended = is_ended(&app, &round).await;
        assert!(ended || !round.acknowledged, "round {at}, {:?}: acknowledged, and yet it lives", round.kill);
        if round.kill == Kill::AtTheFailpoint {
            assert!(ended && !round.acknowledged, "round {at}: committed, never answered");
        }
        if ended {
            nothing_minted_works(&app, &payroll, &everyone, &round).await;
        }
        done.push(round);
    }

    // Whatever became of the answers: every ended session's applications are told, each by its own sid.
    let mut lost = Vec::new();
    let count = done.len();
    let mut ended = 0;
    for (at, round) in done.iter().enumerate() {
        if !is_ended(&app, round).await {
            continue;
        }
        ended += 1;
        for (application, minted) in everyone.iter().zip(&round.minted) {
            let sid = minted.sid.clone().expect("a sid");
            let told = async || application.ledger().sids().contains(&sid).then_some(());
            // A killed node's lease runs out first.
            let arrived = tokio::time::timeout(Duration::from_secs(150), until(Duration::MAX, "", told)).await;
            if arrived.is_err() {
                lost.push((at, round.kill, application.id().to_owned(), sid));
            }
        }
    }
    assert!(lost.is_empty(), "lost: {lost:#?}\n{}", app.runs.log());
    let acknowledged = done.iter().filter(|round| round.acknowledged).count();
    say(&format!("{engine:?}: {count} rounds, {ended} ended, {acknowledged} acknowledged, none lost"));
    until(Duration::from_secs(60), "every receipt is complete", async || {
        app.all("/api/v1/logouts?state=in_progress").await.is_empty().then_some(())
    })
    .await;
    for receipt in app.receipts().await {
        assert_eq!(receipt["state"], "complete", "{receipt:#}");
    }
    for at in 0..unrecorded_rounds(rounds) {
        one_unrecorded_round(&app, &everyone, at).await;
    }
    // And nobody was told of a session that goes on.
    let alive: HashSet<String> = {
        let mut sids = HashSet::new();
        for round in &done {
            if !is_ended(&app, round).await {
                sids.extend(round.minted.iter().filter_map(|minted| minted.sid.clone()));
            }
        }
        sids
    };
    for application in everyone {
        assert!(application.ledger().sids().iter().all(|sid| !alive.contains(sid)), "{}", application.id());
    }
}

async fn one_round(app: &TestApp<Program>, everyone: &[&TestRp], kill: Kill, dice: &mut Dice) -> Round {
    let browser = Browser::new();
    enter_all(app, &browser, everyone, "alice").await;
    let session = app.live_sessions().await[0]["id"].as_str().unwrap().to_owned();
    let code = unredeemed_code(&browser, everyone[0]).await;
    let minted = everyone.iter().map(|application| application.session(&browser).unwrap()).collect();
    let thief = browser.copy();
    let logout = Load::typed(&everyone[0].end_session_url(&browser, None));
    let slow = everyone[2];
    let acknowledged = match kill {
        Kill::AtTheFailpoint => {
            let answer = browser.step(&logout).await;
            app.runs.ended(Duration::from_secs(10)).await;
            answer.is_ok()
        }
        Kill::DuringDelivery => {
            slow.always_answers(Answer::Hang);
            let before = slow.ledger().by(Way::Back).len();
            let answer = browser.step(&logout).await;
            slow.ledger().wait(Way::Back, before + 1, Duration::from_secs(10)).await;
            app.runs.kill();
            answer.is_ok()
        }
        Kill::AtRandom => {
            let pause = Duration::from_micros(dice.below(60_000));
            let (answer, ()) = tokio::join!(browser.step(&logout), async {
                tokio::time::sleep(pause).await;
                app.runs.kill();
            });
            answer.is_ok_and(|page| page.status < 400)
        }
    };
    Round { kill, session, acknowledged, thief, minted, code }
}

/// A code that waits in a redirect which the browser does not follow.
async fn unredeemed_code(browser: &Browser, application: &TestRp) -> String {
    let begun = browser.step(&Load::typed(&application.url("/login"))).await.unwrap();
    let answer = browser.step(&Load::typed(begun.location().unwrap().as_str())).await.unwrap();
    let target = answer.location().unwrap_or_else(|| panic!("{answer}"));
    target.query_pairs().find(|(name, _)| name == "code").unwrap_or_else(|| panic!("{answer}")).1.into_owned()
}

async fn is_ended(app: &TestApp<Program>, round: &Round) -> bool {
    app.read(&format!("/api/v1/sessions/{}", round.session)).await["state"] == "ended"
}

/// Replays every cookie, code and token of an ended session.
async fn nothing_minted_works(app: &TestApp<Program>, payroll: &TestRp, everyone: &[&TestRp], round: &Round) {
    let refused = |(status, body): (u16, Value), what: &str| {
        assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")), "{:?}: {what}: {body}", round.kill);
    };
    let page = payroll.begin(&round.thief, &[("prompt", "none")]).await;
    assert!(page.text().contains("login_required"), "the cookie: {page}");
    let page = round.thief.open(&app.url("/account")).await;
    assert_eq!(page.mark().as_deref(), Some("sign-in"), "the cookie: {page}");
    let callback = payroll.url("/callback");
    for (code, verifier) in [
        (&round.code, "a-verifier-of-more-than-forty-three-characters-0123"),
        (&round.minted[0].code, &round.minted[0].verifier),
    ] {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &callback),
            ("code_verifier", verifier),
        ];
        refused(payroll.token(&form).await, "a code");
    }
    for (application, minted) in everyone.iter().zip(&round.minted) {
        let token = minted.refresh_token.as_deref().expect("a refresh token");
        let answer = application.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await;
        if application.id() == "roaming" {
            assert_eq!(answer.0, 200, "an offline_access grant goes on: {}", answer.1);
        } else {
            refused(answer, application.id());
        }
        let bearer = format!("Bearer {}", minted.access_token);
        let load = Load::typed(&app.url("/oauth2/v1/userinfo")).with("authorization", &bearer);
        let page = Browser::new().step(&load).await.unwrap();
        if application.id() != "roaming" {
            assert_eq!(page.status, 401, "the access token of {}: {page} {}", application.id(), page.body);
        }
    }
}
