use acquit_gateway::proxy::close;

use super::*;
use crate::demo::Ports;

async fn observed(prepare: impl FnOnce(&Demo)) -> Observed {
    let demo = Demo::start(Ports::Any).await.unwrap();
    prepare(&demo);
    let (seen, ..) = drive(&demo).await.unwrap();
    demo.stop().await;
    seen
}

fn differences(seen: &Observed) -> Vec<&'static str> {
    checks(seen).into_iter().filter(|check| !check.ok).map(|check| check.what).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_as_it_should_be_and_every_deviation_is_reported() {
    let good = observed(|_| {}).await;
    assert_eq!(differences(&good), <[&str; 0]>::default(), "{good:?}");

    let mut changes: Vec<(&str, Observed)> = Vec::new();
    let mut change = |what: &'static str, by: &dyn Fn(&mut Observed)| {
        let mut seen = good.clone();
        by(&mut seen);
        changes.push((what, seen));
    };
    change("one logout", &|seen| seen.logouts = 2);
    change("one session", &|seen| seen.receipt.sessions.clear());
    change("asked for by Notes", &|seen| seen.receipt.requested.party = None);
    change("five steps", &|seen| seen.receipt.steps.truncate(4));
    change("is in progress", &|seen| seen.receipt.state = acquit_core::receipt::State::Complete);
    for party in 0..4 {
        change("step", &move |seen| seen.receipt.steps[party].outcome = Outcome::Failed);
        change("step", &move |seen| seen.receipt.steps[party].channel = None);
        change("step", &move |seen| seen.receipt.steps[party].party = acquit_core::AppId::new("nobody"));
        // For each of the applications, the opposite of what should be.
        change("first browser", &move |seen| {
            let app = &mut seen.first[party];
            app.state = if app.state == "live" { "ended" } else { "live" }.to_owned();
        });
    }
    change("Calendar ended its session when it was told", &|seen| seen.first[0].ended_by = Some("here".to_owned()));
    change("Wiki ended its session when it was told", &|seen| seen.first[2].ended_by = Some("here".to_owned()));
    change("its frame named it", &|seen| seen.first[1].told = false);
    change("does not know it any more", &|seen| seen.first_at_acquit = true);
    change("second browser: Calendar", &|seen| seen.second[0].state = "ended".to_owned());
    change("second browser: Wiki", &|seen| seen.second[1].state = "ended".to_owned());
    change("second browser: its session", &|seen| seen.second_at_acquit = false);
    change("Dashboard's step", &|seen| seen.dashboard_at = "elsewhere".to_owned());
    change("Dashboard's step", &|seen| {
        let steps = seen.receipt.steps.iter_mut().filter(|step| step.channel == Some(Channel::Gateway));
        steps.for_each(|step| step.detail = Some("nothing was open".to_owned()));
    });
    change("Dashboard's stream", &|seen| seen.dashboard.last_words = None);
    change("Dashboard's stream", &|seen| seen.dashboard.last_words = Some(close(1001, "going away")));
    change("a copy of its cookie", &|seen| seen.dashboard.status = 101);
    for (what, seen) in &changes {
        let differences = differences(seen);
        assert!(differences.iter().any(|difference| difference.contains(what)), "{what}: {differences:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_channel_that_is_on_after_all_is_reported() {
    let seen = observed(|demo| demo.apps.iter().for_each(crate::demo::app::Sample::switch_on)).await;
    let differences = differences(&seen);
    assert_eq!(
        differences,
        [
            "its receipt has five steps and is in progress",
            "Archive's step is pending and will be tried again",
            "first browser: Archive, which cannot hear, still lets it in",
        ]
    );
}
