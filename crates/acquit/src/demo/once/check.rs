//! What should have become of everything, compared with what did.

use acquit_core::{
    AppId,
    plan::By,
    receipt::{Line, Receipt, State},
    step::{Channel, Outcome},
};
use serde::Serialize;

use super::dashboard::{self, Seen};
use crate::demo::kind::{ARCHIVE, CALENDAR, NOTES, WIKI};

/// What an application says of one browser's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppState {
    /// Which application.
    pub app: &'static str,
    /// `live`, `ended` or `none`.
    pub state: String,
    /// By what it ended.
    pub ended_by: Option<String>,
    /// Whether a logout token, a frame or a LogoutRequest named it.
    pub told: bool,
}

/// What was seen after the sign-out.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The receipt.
    pub receipt: Receipt,
    /// How many logouts there are.
    pub logouts: usize,
    /// The applications of the first browser: Calendar, Notes, Wiki, Archive.
    pub first: [AppState; 4],
    /// Whether Acquit still knows the first browser.
    pub first_at_acquit: bool,
    /// The applications of the second browser: Calendar, Wiki.
    pub second: [AppState; 2],
    /// Whether Acquit still knows the second browser.
    pub second_at_acquit: bool,
    /// What became of what the first browser had open behind the gateway.
    pub dashboard: Seen,
    /// The host of that route.
    pub dashboard_at: String,
}

/// One thing that should be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What should be so.
    pub what: &'static str,
    /// Whether it is.
    pub ok: bool,
    /// What was seen instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saw: Option<String>,
}

pub(super) fn check(what: &'static str, ok: bool, saw: impl FnOnce() -> String) -> Check {
    Check { what, ok, saw: (!ok).then(saw) }
}

/// Everything that should be so.
#[must_use]
pub fn checks(seen: &Observed) -> Vec<Check> {
    let receipt = &seen.receipt;
    let [calendar, notes, wiki, archive] = &seen.first;
    let [second_calendar, second_wiki] = &seen.second;
    let mut all = vec![
        check("one sign-out is one logout of one session, asked for by Notes", asked(seen), || {
            let (by, party) = (receipt.requested.by.as_str(), receipt.requested.party.as_deref().unwrap_or("nobody"));
            format!("{} logouts of {} sessions, by {by} {party}", seen.logouts, receipt.sessions.len())
        }),
        check("its receipt has five steps and is in progress", is_in_progress(receipt), || {
            format!("{} steps, {}", receipt.steps.len(), receipt.state.as_str())
        }),
        line(receipt, "Calendar's step went by back channel and is confirmed", CALENDAR.id, |line| {
            line.channel == Some(Channel::Backchannel)
                && line.outcome == Outcome::Confirmed
                && line.attempts.iter().any(|attempt| matches!(attempt.status, Some(200 | 204)))
        }),
        line(receipt, "Notes' step went by front channel, is sent, and its frame loaded", NOTES.id, |line| {
            line.channel == Some(Channel::Frontchannel)
                && line.outcome == Outcome::Sent
                && line.detail.as_deref() == Some("loaded")
        }),
        line(receipt, "Wiki's step went by SAML over SOAP and is confirmed", WIKI.id, |line| {
            line.channel == Some(Channel::SamlSoap)
                && line.outcome == Outcome::Confirmed
                && line.attempts.iter().any(|attempt| attempt.status == Some(200))
        }),
        line(receipt, "Archive's step is pending and will be tried again", ARCHIVE.id, |line| {
            line.channel == Some(Channel::Backchannel)
                && line.outcome == Outcome::Pending
                && line.next_attempt_at.is_some()
                && !line.attempts.is_empty()
                && line.attempts.iter().all(|attempt| attempt.status.is_none())
        }),
        state("first browser: Calendar ended its session when it was told", calendar, |app| {
            app.state == "ended" && app.ended_by.as_deref() == Some("backchannel")
        }),
        state("first browser: Notes ended its session, and its frame named it", notes, |app| {
            app.state == "ended" && app.told
        }),
        state("first browser: Wiki ended its session when it was told", wiki, |app| {
            app.state == "ended" && app.ended_by.as_deref() == Some("soap")
        }),
        state("first browser: Archive, which cannot hear, still lets it in", archive, |app| app.state == "live"),
        check("first browser: Acquit does not know it any more", !seen.first_at_acquit, || {
            "it is signed in".to_owned()
        }),
        state("second browser: Calendar still lets it in", second_calendar, |app| app.state == "live"),
        state("second browser: Wiki still lets it in", second_wiki, |app| app.state == "live"),
        check("second browser: its session at Acquit lives", seen.second_at_acquit, || "it is signed out".to_owned()),
    ];
    all.extend(dashboard::checks(&seen.dashboard, receipt, &seen.dashboard_at));
    all
}

fn asked(seen: &Observed) -> bool {
    let requested = &seen.receipt.requested;
    seen.logouts == 1
        && seen.receipt.sessions.len() == 1
        && requested.by == By::Application
        && requested.party.as_deref() == Some(NOTES.id)
}

fn is_in_progress(receipt: &Receipt) -> bool {
    receipt.steps.len() == 5 && receipt.state == State::InProgress
}

/// A check on the one step at a party.
fn line(receipt: &Receipt, what: &'static str, party: &str, good: impl Fn(&Line) -> bool) -> Check {
    let party = AppId::new(party);
    let found = lines(receipt, |line| line.party == party);
    let ok = matches!(found.as_slice(), [one] if good(one));
    check(what, ok, || said_of(&found))
}

/// Some of the steps of a receipt.
pub(super) fn lines(receipt: &Receipt, which: impl Fn(&Line) -> bool) -> Vec<&Line> {
    receipt.steps.iter().filter(|line| which(line)).collect()
}

/// What the receipt says of steps, for who expected something else of them.
pub(super) fn said_of(lines: &[&Line]) -> String {
    let shown = lines.iter().map(|line| {
        let channel = line.channel.map_or("no channel", Channel::as_str);
        let detail = line.detail.as_deref().unwrap_or("no detail");
        format!("{channel} {}, {detail}, {} tries", line.outcome.as_str(), line.attempts.len())
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { "no step".to_owned() } else { shown.join("; ") }
}

pub(super) fn state(what: &'static str, app: &AppState, good: impl Fn(&AppState) -> bool) -> Check {
    check(what, good(app), || {
        let by = app.ended_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        format!("{}: {}{by}, {}", app.app, app.state, if app.told { "told" } else { "not told" })
    })
}
