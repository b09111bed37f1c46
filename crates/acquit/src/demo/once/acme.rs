//! The second part: somebody of a customer signs in through the customer's own identity provider, uses three applications of
//! three protocols, and signs out. Nothing of it is left anywhere.

use acquit_core::{
    AppId,
    plan::By,
    receipt::{Receipt, State},
    step::{Channel, Outcome},
};
use acquit_store::{
    Store,
    receipt::LogoutFilter,
    session::{SessionFilter, SessionState},
};
use tokio::time::{Instant, sleep};

use super::{
    AppState, Check, LOOK_EVERY, OnceError, RECEIPT_WITHIN,
    check::{check, lines, said_of, state},
    settled,
    visitor::{Visitor, unexpected},
};
use crate::demo::{
    Demo,
    kind::{ACME, CALENDAR, WIKI},
    upstream,
};

/// What was seen after the second sign-out.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The receipt of Acquit's logout.
    pub receipt: Receipt,
    /// How many logouts there are, with the one of the first part.
    pub logouts: usize,
    /// The host at which the password was asked for.
    pub password_at: String,
    /// The applications of the third browser: Acme, Calendar, Wiki.
    pub apps: [AppState; 3],
    /// Whether Acquit still knows the browser.
    pub at_acquit: bool,
    /// Whether the customer's identity provider still knows it.
    pub at_upstream: bool,
    /// The sessions that live at the customer's identity provider.
    pub live_upstream: usize,
    /// Its logouts.
    pub upstream: Vec<Receipt>,
}

pub(super) async fn story(demo: &Demo) -> Result<Observed, OnceError> {
    let mut third = Visitor::new(demo, "Mozilla/5.0 (Windows NT 10.0) third browser of the demo");
    let asked_at = third.sign_in(ACME, (upstream::USERNAME, upstream::PASSWORD)).await?;
    third.open(CALENDAR).await?;
    third.open(WIKI).await?;
    let landed = third.sign_out(ACME, "receipt").await?;
    if landed.mark("data-page").as_deref() != Some("signed-out") {
        return Err(unexpected(&landed, "Acquit's page after a sign-out"));
    }
    let (receipt, logouts) = settled(demo).await?;
    let there = &demo.at_upstream().store;
    let live = SessionFilter { state: SessionState::Live, ..SessionFilter::default() };
    Ok(Observed {
        receipt,
        logouts,
        password_at: asked_at.origin().ascii_serialization(),
        apps: [third.state(ACME).await?, third.state(CALENDAR).await?, third.state(WIKI).await?],
        at_acquit: third.is_signed_in().await?,
        at_upstream: third.is_known_at(demo.upstream()).await?,
        live_upstream: there.sessions(&live, None, 10).await?.data.len(),
        upstream: at_rest(there).await?,
    })
}

/// The logouts at the customer's provider, once Acquit has answered it.
async fn at_rest(store: &Store) -> Result<Vec<Receipt>, OnceError> {
    let until = Instant::now() + RECEIPT_WITHIN;
    loop {
        let logouts = store.logouts(&LogoutFilter::default(), None, 10).await?.data;
        if logouts.iter().all(|logout| logout.state != State::InProgress) || Instant::now() >= until {
            return Ok(logouts);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Everything that should be so; `provider` is where the customer's identity provider is.
#[must_use]
pub fn checks(seen: &Observed, provider: &str) -> Vec<Check> {
    let receipt = &seen.receipt;
    let [acme, calendar, wiki] = &seen.apps;
    vec![
        check(
            "third browser: the password was asked for by Example Corp, not by Acquit",
            seen.password_at == provider,
            || seen.password_at.clone(),
        ),
        check("its sign-out is the second logout, of one session, asked for by Acme", asked(seen), || {
            let (by, party) = (receipt.requested.by.as_str(), receipt.requested.party.as_deref().unwrap_or("nobody"));
            format!("{} logouts, the last of {} sessions, by {by} {party}", seen.logouts, receipt.sessions.len())
        }),
        check("its receipt has seven steps and is complete", is_complete(receipt), || {
            format!("{} steps, {}", receipt.steps.len(), receipt.state.as_str())
        }),
        step(receipt, "Example Corp took both tokens back, by its revocation endpoint", None, Channel::Revocation, 2),
        step(receipt, "the browser went to Example Corp's end of session", None, Channel::EndSession, 1),
        step(receipt, "Calendar's step is confirmed", Some(CALENDAR.id), Channel::Backchannel, 1),
        step(receipt, "Wiki's step is confirmed", Some(WIKI.id), Channel::SamlSoap, 1),
        step(receipt, "Acme was told by webhook, too, and its step is confirmed", Some(ACME.id), Channel::Webhook, 1),
        state("third browser: Acme ended its session itself", acme, |app| {
            app.state == "ended" && app.ended_by.as_deref() == Some("here")
        }),
        state("third browser: Calendar ended its session when it was told", calendar, |app| {
            app.state == "ended" && app.ended_by.as_deref() == Some("backchannel")
        }),
        state("third browser: Wiki ended its session when it was told", wiki, |app| {
            app.state == "ended" && app.ended_by.as_deref() == Some("soap")
        }),
        check("third browser: Acquit does not know it any more", !seen.at_acquit, || "it is signed in".to_owned()),
        check("third browser: neither does Example Corp, where no session lives", is_gone_upstream(seen), || {
            format!("{} live, {}", seen.live_upstream, if seen.at_upstream { "signed in" } else { "not signed in" })
        }),
        check("at Example Corp it was one logout, which Acquit asked for", was_asked_upstream(seen), || {
            let asked = seen.upstream.iter().map(|one| one.requested.party.as_deref().unwrap_or("nobody"));
            let states = seen.upstream.iter().map(|one| one.state.as_str()).collect::<Vec<_>>().join(", ");
            format!("by {}, {states}", asked.collect::<Vec<_>>().join(", "))
        }),
    ]
}

fn asked(seen: &Observed) -> bool {
    let requested = &seen.receipt.requested;
    seen.logouts == 2
        && seen.receipt.sessions.len() == 1
        && requested.by == By::Application
        && requested.party.as_deref() == Some(ACME.id)
}

fn is_complete(receipt: &Receipt) -> bool {
    receipt.steps.len() == 7 && receipt.state == State::Complete
}

fn is_gone_upstream(seen: &Observed) -> bool {
    seen.live_upstream == 0 && !seen.at_upstream
}

fn was_asked_upstream(seen: &Observed) -> bool {
    matches!(seen.upstream.as_slice(), [one] if one.requested.by == By::Application
        && one.requested.party.as_deref() == Some(upstream::CLIENT) && one.state == State::Complete)
}

/// A check that there are so many steps over a channel, at a party or at the customer's provider, each as good as can be.
pub(super) fn step(
    receipt: &Receipt,
    what: &'static str,
    party: Option<&str>,
    channel: Channel,
    count: usize,
) -> Check {
    let party = AppId::new(party.unwrap_or(upstream::CONNECTION));
    let found = lines(receipt, |line| line.party == party && line.channel == Some(channel));
    // Of a browser nobody knows more than that it was sent.
    let best = if channel == Channel::EndSession { Outcome::Sent } else { Outcome::Confirmed };
    let ok = found.len() == count && found.iter().all(|line| line.outcome == best);
    check(what, ok, || said_of(&found))
}

#[cfg(test)]
mod tests;
