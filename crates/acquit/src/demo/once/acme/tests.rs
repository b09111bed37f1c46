use super::*;
use crate::demo::{Ports, once::drive};

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_through_a_customers_provider_leaves_nothing_behind_and_every_deviation_is_reported() {
    let demo = Demo::start(Ports::Any).await.unwrap();
    let (_, good, _) = drive(&demo).await.unwrap();
    let provider = demo.upstream().to_owned();
    demo.stop().await;
    let differences = |seen: &Observed| -> Vec<&'static str> {
        checks(seen, &provider).into_iter().filter(|check| !check.ok).map(|check| check.what).collect()
    };
    assert_eq!(differences(&good), <[&str; 0]>::default(), "{good:?}");

    let mut changes: Vec<(&str, Observed)> = Vec::new();
    let mut change = |what: &'static str, by: &dyn Fn(&mut Observed)| {
        let mut seen = good.clone();
        by(&mut seen);
        changes.push((what, seen));
    };
    change("password was asked for by Example Corp", &|seen| seen.password_at = "http://localhost:8080".to_owned());
    change("second logout", &|seen| seen.logouts = 3);
    change("asked for by Acme", &|seen| seen.receipt.requested.party = None);
    change("is complete", &|seen| seen.receipt.state = State::InProgress);
    change("seven steps", &|seen| seen.receipt.steps.truncate(6));
    for (channel, what) in [
        (Channel::Revocation, "took both tokens back"),
        (Channel::EndSession, "end of session"),
        (Channel::Backchannel, "Calendar's step"),
        (Channel::SamlSoap, "Wiki's step"),
        (Channel::Webhook, "Acme was told by webhook"),
    ] {
        change(what, &move |seen| {
            let line = seen.receipt.steps.iter_mut().find(|line| line.channel == Some(channel)).unwrap();
            line.outcome = Outcome::Failed;
        });
    }
    for (app, what) in ["Acme ended", "Calendar ended", "Wiki ended"].into_iter().enumerate() {
        change(what, &move |seen| seen.apps[app].state = "live".to_owned());
    }
    change("Acquit does not know it", &|seen| seen.at_acquit = true);
    change("neither does Example Corp", &|seen| seen.at_upstream = true);
    change("no session lives", &|seen| seen.live_upstream = 1);
    change("one logout, which Acquit asked for", &|seen| seen.upstream.clear());
    change("one logout, which Acquit asked for", &|seen| seen.upstream[0].requested.party = None);
    for (what, seen) in &changes {
        let differences = differences(seen);
        assert!(differences.iter().any(|difference| difference.contains(what)), "{what}: {differences:?}");
    }
}
