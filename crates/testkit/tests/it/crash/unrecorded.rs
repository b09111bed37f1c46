//! Killed between an attempt and its record: what was made is made again.

use std::{collections::HashSet, time::Duration};

use acquit_testkit::{Browser, TestApp, TestRp, acquit::Program, browser::Load, rp::ledger::Way};

use super::say;
use crate::world::{enter_all, until};

/// How often, in a campaign, the program is killed between an attempt and its record.
pub(super) fn unrecorded_rounds(rounds: usize) -> usize {
    (rounds / 50).max(1)
}

/// Several people sign out at once, and the program dies when it has made an attempt and is about to write that down. What
/// was made is made again: every application hears of every ended session, and whoever heard before the end hears twice.
pub(super) async fn one_unrecorded_round(app: &TestApp<Program>, everyone: &[&TestRp], at: usize) {
    nothing_is_due(app).await;
    app.runs.kill();
    app.runs.launch(&[("ACQUIT_FAILPOINT", "attempt-made")]).await;
    let mut people = Vec::new();
    for user in ["alice", "bob", "carol"] {
        let browser = Browser::new();
        enter_all(app, &browser, everyone, user).await;
        let sids: Vec<String> =
            everyone.iter().map(|application| application.session(&browser).unwrap().sid.expect("a sid")).collect();
        people.push((Load::typed(&everyone[0].end_session_url(&browser, None)), browser, sids));
    }
    let live: HashSet<String> = live_ids(app).await;
    let answers = futures_util::future::join_all(people.iter().map(|(logout, browser, _)| browser.step(logout))).await;
    app.runs.ended(Duration::from_secs(30)).await;
    let acknowledged = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|page| page.status < 400)).count();
    let heard = |application: &TestRp, sid: &str| {
        let told = application.ledger().by(Way::Back);
        told.iter().filter(|told| told.good_token().sid.as_deref() == Some(sid)).count()
    };
    let pairs: Vec<(&TestRp, &str)> =
        people.iter().flat_map(|(_, _, sids)| everyone.iter().copied().zip(sids.iter().map(String::as_str))).collect();
    // The first record was the end, so none of these was written down.
    let made: Vec<usize> = pairs.iter().map(|(application, sid)| heard(application, sid)).collect();
    assert!(made.iter().sum::<usize>() > 0, "unrecorded round {at}: no attempt was made before the end");
    app.runs.launch(&[]).await;
    let alive = live_ids(app).await;
    let ended = live.difference(&alive).count();
    assert!(ended >= acknowledged.max(1), "unrecorded round {at}: {ended} ended, {acknowledged} acknowledged");
    // A killed node's lease runs out first.
    let told = async || {
        let all = |sids: &Vec<String>| everyone.iter().zip(sids).all(|(application, sid)| heard(application, sid) > 0);
        (people.iter().filter(|(_, _, sids)| all(sids)).count() == ended).then_some(())
    };
    until(Duration::from_secs(150), "every application hears of every ended session", told).await;
    let settled = async || app.all("/api/v1/logouts?state=in_progress").await.is_empty().then_some(());
    until(Duration::from_secs(150), "every receipt is complete", settled).await;
    for ((application, sid), before) in pairs.iter().zip(&made) {
        let now = heard(application, sid);
        assert!(*before == 0 || now > *before, "unrecorded round {at}: {} {sid}: {now}", application.id());
    }
    let made = made.iter().filter(|before| **before > 0).count();
    say(&format!("unrecorded round {at}: {ended} ended, {acknowledged} acknowledged, {made} made again, none lost"));
}

/// Waits until no step is due, not even to be told once more: the record of one would be where the program dies.
async fn nothing_is_due(app: &TestApp<Program>) {
    let text = std::fs::read_to_string(app.runs.folder().join("acquit.toml")).unwrap();
    let url = text.lines().skip_while(|line| *line != "[store]").nth(1).unwrap();
    let url = url.trim_start_matches("url = ").trim_matches('"');
    let url = match url.strip_prefix("sqlite://") {
        Some(file) => format!("sqlite://{}", app.runs.folder().join(file).display()),
        None => url.to_owned(),
    };
    let store = acquit_store::Store::open(&url).await.unwrap();
    let idle = async || store.next_due(&[]).await.unwrap().is_none().then_some(());
    until(Duration::from_secs(150), "nothing is due", idle).await;
}

async fn live_ids(app: &TestApp<Program>) -> HashSet<String> {
    app.live_sessions().await.iter().filter_map(|session| session["id"].as_str().map(str::to_owned)).collect()
}
