//! Routes behind the gateway.

use super::*;

fn route(host: &str) -> Participant {
    Participant {
        protocol: Protocol::Gateway,
        client_id: host.to_owned(),
        channels: Channels { tell_on_expiry: false, ..Channels::default() },
        ..participant(1, host, silent())
    }
}

#[test]
fn every_logout_ends_the_routes_of_a_session_whoever_else_is_told() {
    for tell in [Tell::Everyone, Tell::NobodyElse, Tell::Expiry] {
        for party in [None, Some("grafana.test".to_owned()), Some("other".to_owned())] {
            let mut snapshot = one(vec![("other", back())]);
            snapshot.sessions[0].participants.push(route("grafana.test"));
            let plan = plan(&snapshot, &Request { tell, party: party.clone(), by: By::Application, ..of_session() });
            let steps: Vec<_> = plan.steps.iter().filter(|step| step.channel == Some(Channel::Gateway)).collect();
            let [step] = steps.as_slice() else { panic!("{tell:?} by {party:?}: {:#?}", plan.steps) };
            assert_eq!((step.outcome, step.next_attempt_at), (Outcome::Pending, None));
            assert_eq!(step.target, Target::Gateway { host: "grafana.test".to_owned() });
            assert!(plan.close.contains(&(session(1), AppId::new("grafana.test"))));
        }
    }
}
