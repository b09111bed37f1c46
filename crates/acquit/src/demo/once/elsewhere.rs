//! The third part: the same person signs in at Acme again and signs out at another application. Acme's server is told by
//! webhook, and so its session ends although no browser comes to it.

use acquit_core::{
    plan::By,
    receipt::{Receipt, State},
    step::Channel,
};

use super::{
    AppState, Check, OnceError,
    acme::step,
    check::{check, state},
    settled,
    visitor::Visitor,
};
use crate::demo::{
    Demo,
    kind::{ACME, CALENDAR},
    upstream,
};

/// What was seen after the third sign-out.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The receipt.
    pub receipt: Receipt,
    /// How many logouts there are, with those of the parts before.
    pub logouts: usize,
    /// The applications of the fourth browser: Acme, Calendar.
    pub apps: [AppState; 2],
}

pub(super) async fn story(demo: &Demo) -> Result<Observed, OnceError> {
    let mut fourth = Visitor::new(demo, "Mozilla/5.0 (X11; Linux x86_64) fourth browser of the demo");
    fourth.sign_in(ACME, (upstream::USERNAME, upstream::PASSWORD)).await?;
    fourth.open(CALENDAR).await?;
    fourth.sign_out(CALENDAR, "receipt").await?;
    let (receipt, logouts) = settled(demo).await?;
    Ok(Observed { receipt, logouts, apps: [fourth.state(ACME).await?, fourth.state(CALENDAR).await?] })
}

/// Everything that should be so.
#[must_use]
pub fn checks(seen: &Observed) -> Vec<Check> {
    let receipt = &seen.receipt;
    let [acme, calendar] = &seen.apps;
    vec![
        check("the third logout was asked for by Calendar, and is complete", asked(seen), || {
            let (by, party) = (receipt.requested.by.as_str(), receipt.requested.party.as_deref().unwrap_or("nobody"));
            format!("{} logouts, the last by {by} {party}, {}", seen.logouts, receipt.state.as_str())
        }),
        step(receipt, "Acme was told by webhook, and its step is confirmed", Some(ACME.id), Channel::Webhook, 1),
        state("fourth browser: Acme ended its session when it was told", acme, |app| {
            app.state == "ended" && app.ended_by.as_deref() == Some("webhook")
        }),
        state("fourth browser: Calendar ended its session", calendar, |app| app.state == "ended"),
    ]
}

fn asked(seen: &Observed) -> bool {
    let requested = &seen.receipt.requested;
    seen.logouts == 3
        && seen.receipt.state == State::Complete
        && requested.by == By::Application
        && requested.party.as_deref() == Some(CALENDAR.id)
}

#[cfg(test)]
mod tests {
    use acquit_core::step::Outcome;

    use super::*;
    use crate::demo::{Ports, once::drive};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_sign_out_at_another_application_ends_acmes_session_too_and_every_deviation_is_reported() {
        let demo = Demo::start(Ports::Any).await.unwrap();
        let (_, _, good) = drive(&demo).await.unwrap();
        demo.stop().await;
        let differences = |seen: &Observed| -> Vec<&'static str> {
            checks(seen).into_iter().filter(|check| !check.ok).map(|check| check.what).collect()
        };
        assert_eq!(differences(&good), <[&str; 0]>::default(), "{good:?}");
        let reported = |what: &str, by: &dyn Fn(&mut Observed)| {
            let mut seen = good.clone();
            by(&mut seen);
            assert!(differences(&seen).iter().any(|difference| difference.contains(what)), "{what}");
        };
        reported("third logout", &|seen| seen.logouts = 2);
        reported("third logout", &|seen| seen.receipt.requested.party = Some(ACME.id.to_owned()));
        reported("third logout", &|seen| seen.receipt.state = State::InProgress);
        reported("told by webhook", &|seen| seen.receipt.steps.retain(|line| line.channel != Some(Channel::Webhook)));
        reported("told by webhook", &|seen| {
            seen.receipt.steps.iter_mut().for_each(|line| line.outcome = Outcome::Failed);
        });
        reported("Acme ended", &|seen| seen.apps[0].state = "live".to_owned());
        reported("Acme ended", &|seen| seen.apps[0].ended_by = Some("logout-uri".to_owned()));
        reported("Calendar ended", &|seen| seen.apps[1].state = "live".to_owned());
    }
}
