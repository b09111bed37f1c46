//! What holds for any snapshot and request, any step and answer: drawn by proptest.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod properties {
    pub(crate) mod draw;
}

use std::{collections::BTreeSet, time::Duration};

use acquit_core::{
    LogoutId, StepId, Timestamp,
    delivery::{Answer, Breaker, FINAL_SLOT, LEASE, Said, settle},
    participant::{Channels, HopBinding, Participant, Protocol, SamlChannel},
    plan::{Plan, Request, Scope, Snapshot, Tell, plan},
    receipt::State,
    step::{Channel, Outcome, Step, Target},
};
use properties::draw::{NOW, answer, one_step, outcome, world};
use proptest::{collection::vec, prelude::*, sample::select};

/// What stands after a store has applied a plan.
fn applied(snapshot: &Snapshot, plan: &Plan) -> Snapshot {
    let mut after = snapshot.clone();
    for share in &mut after.sessions {
        share.live &= !plan.end.contains(&share.session);
        share.participants.retain(|p| !plan.close.contains(&(p.session.clone(), p.app.clone())));
    }
    after.sessions.retain(|share| share.live || !share.participants.is_empty());
    if plan.revoke_offline {
        after.offline.clear();
    }
    after
}

fn told<'a>(plan: &'a Plan, participant: &'a Participant) -> impl Iterator<Item = &'a Step> {
    plan.steps.iter().filter(|s| s.party == participant.app && s.session.as_ref() == Some(&participant.session))
}

/// Whether the plan may leave a participant without any step.
fn excused(request: &Request, participant: &Participant) -> bool {
    let Channels { back, front, .. } = &participant.channels;
    let knows = match participant.protocol {
        Protocol::Oidc | Protocol::Broker => back.is_none() && front.is_none(),
        // It is ours, and every logout ends it.
        Protocol::Gateway => return false,
        // It ended those that it named, and is told of its others.
        Protocol::Saml => request.named.contains(&participant.session) || !matches!(request.scope, Scope::User(_)),
    };
    request.is_from(&participant.app) && (knows || request.tell == Tell::NobodyElse)
}

fn named(step: &Step) -> Option<&str> {
    match &step.target {
        Target::Backchannel { sid, .. } | Target::Frontchannel { sid, .. } => sid.as_deref(),
        Target::SamlSoap { named, .. } | Target::SamlHop { named, .. } => named.session_index.as_deref(),
        Target::Revocation { .. } | Target::EndSession { .. } | Target::Webhook { .. } => None,
        Target::Gateway { .. } | Target::Nothing => None,
    }
}

proptest! {
    #[test]
    fn every_participant_of_a_live_session_has_a_step_or_a_reason_to_have_none((snapshot, request) in world()) {
        let plan = plan(&snapshot, &request);
        for share in snapshot.sessions.iter().filter(|share| share.live) {
            prop_assert!(plan.end.contains(&share.session));
            for participant in &share.participants {
                let excused = excused(&request, participant);
                prop_assert!(told(&plan, participant).next().is_some() != excused, "{participant:?}");
                for step in told(&plan, participant) {
                    prop_assert!(step.outcome == Outcome::Pending || step.detail.is_some(), "no reason: {step:?}");
                }
            }
        }
        for grant in &snapshot.offline {
            prop_assert!(plan.revoke_offline);
            let listed = plan.steps.iter().any(|step| step.party == grant.participant.app)
                || request.is_from(&grant.participant.app);
            prop_assert!(listed, "{grant:?}");
        }
    }

    #[test]
    fn a_step_names_the_session_of_its_participant_and_no_other((snapshot, request) in world()) {
        let plan = plan(&snapshot, &request);
        for step in &plan.steps {
            let Some(session) = &step.session else {
                prop_assert!(named(step).is_none());
                prop_assert!(snapshot.offline.iter().any(|grant| grant.participant.app == step.party));
                continue;
            };
            let share = snapshot.sessions.iter().find(|share| &share.session == session).unwrap();
            let participant = share.participants.iter().find(|p| p.app == step.party).unwrap();
            prop_assert_eq!(&step.user, &share.user);
            if let Some(sid) = named(step) {
                prop_assert_eq!(sid, &participant.sid);
                prop_assert!(!step.target.names_subject_alone() && step.target.note().is_none());
            } else if step.target.saml().is_some() {
                let asked = participant.channels.saml.as_ref().unwrap();
                prop_assert!(!asked.session_index_required && step.target.note().is_some());
                prop_assert!(step.target.names_subject_alone());
                let spared = Step { target: step.target.naming_the_ended().unwrap(), ..step.clone() };
                prop_assert_eq!(named(&spared), Some(participant.sid.as_str()));
            } else {
                prop_assert_ne!(step.channel, Some(Channel::Backchannel), "a back channel always names the session");
            }
        }
    }

    #[test]
    fn a_saml_application_is_told_over_soap_if_it_can_be_and_once((snapshot, request) in world()) {
        let plan = plan(&snapshot, &request);
        let steps = plan.steps.iter().filter(|step| step.protocol == Protocol::Saml && step.outcome == Outcome::Pending);
        for step in steps {
            let participants = snapshot.sessions.iter().flat_map(|share| &share.participants);
            let participant = participants
                .into_iter()
                .find(|p| p.app == step.party && Some(&p.session) == step.session.as_ref())
                .unwrap();
            prop_assert_eq!(told(&plan, participant).count(), 1);
            let SamlChannel { soap, hop, .. } = participant.channels.saml.as_ref().unwrap();
            let expected = match hop.as_ref().map(|hop| hop.binding) {
                _ if soap.is_some() => Channel::SamlSoap,
                Some(HopBinding::Redirect) => Channel::SamlRedirect,
                Some(HopBinding::Post) => Channel::SamlPost,
                None => return Err(TestCaseError::fail("told without an endpoint")),
            };
            prop_assert_eq!(step.channel, Some(expected));
            let target: Target = serde_json::from_str(&serde_json::to_string(&step.target).unwrap()).unwrap();
            prop_assert_eq!(&target, &step.target, "the store must give back what was planned");
        }
    }

    #[test]
    fn planning_again_after_the_plan_is_applied_finds_nothing_to_do((snapshot, request) in world()) {
        let after = applied(&snapshot, &plan(&snapshot, &request));
        let again = Request { id: LogoutId::from_random([4; 16]), at: NOW.plus(LEASE), ..request };
        let second = plan(&after, &again);
        prop_assert!(second.is_empty() && second.close.is_empty(), "{second:?}");
    }

    #[test]
    fn a_plan_is_made_the_same_twice_with_a_name_of_its_own_for_each_step((snapshot, request) in world()) {
        let first = plan(&snapshot, &request);
        prop_assert_eq!(&plan(&snapshot, &request), &first);
        let ids: BTreeSet<_> = first.steps.iter().map(|step| step.id.clone()).collect();
        prop_assert_eq!(ids.len(), first.steps.len());
        prop_assert!(first.steps.iter().all(|step| StepId::parse(step.id.as_str()).is_ok()));
        let asked: Vec<_> = first.steps.iter().map(|step| request.is_from(&step.party)).collect();
        prop_assert!(asked.is_sorted_by(|a, b| a >= b), "who asked comes first");
    }

    #[test]
    fn only_what_can_be_delivered_is_due_at_once((snapshot, request) in world()) {
        for step in plan(&snapshot, &request).steps {
            let due = step.outcome == Outcome::Pending && step.channel.is_some_and(Channel::is_sent);
            prop_assert_eq!(step.next_attempt_at, due.then_some(NOW));
        }
    }

    #[test]
    fn the_next_attempt_is_later_than_now_and_never_past_the_deadline(
        (attempts, again, key_retried) in (any::<u32>(), any::<bool>(), any::<bool>()),
        (before, left) in (outcome(), -1000i64..300_000_000_000),
        answer in answer(),
        channel in select(vec![Channel::Backchannel, Channel::SamlSoap]),
        jitter in any::<u64>(),
    ) {
        let planned = Step { channel: Some(channel), ..one_step() };
        let deadline = Timestamp::from_micros(NOW.as_micros() + left);
        let step = Step { attempts, again, key_retried, outcome: before, deadline, ..planned };
        let update = settle(&step, &answer, NOW, jitter);
        if let Some(next) = update.next_attempt_at {
            prop_assert!(next > NOW && next <= deadline && next <= NOW.plus(FINAL_SLOT * 2));
        }
        prop_assert_eq!(update.outcome == Outcome::Pending, update.next_attempt_at.is_some() && update.outcome != Outcome::Confirmed,
            "a pending step has a next attempt, an ended one none");
        if matches!(before, Outcome::Confirmed | Outcome::Sent | Outcome::Unsupported) {
            prop_assert_eq!(update.outcome, before);
        }
        if update.outcome == Outcome::Confirmed && before != Outcome::Confirmed {
            let proved = match answer {
                Answer::Status { code: 200 | 204, .. } => channel == Channel::Backchannel,
                Answer::Said { said, .. } => matches!(said, Said::Done { .. }),
                _ => false,
            };
            prop_assert!(proved, "a guess is never called confirmed");
        }
    }

    #[test]
    fn a_receipt_is_complete_only_if_nothing_is_open_or_amiss(outcomes in vec(outcome(), 0..6)) {
        let has = |wanted: &[Outcome]| outcomes.iter().any(|outcome| wanted.contains(outcome));
        let expected = match (has(&[Outcome::Pending]), has(&[Outcome::Failed, Outcome::Unsupported])) {
            (true, _) => State::InProgress,
            (false, true) => State::Incomplete,
            (false, false) => State::Complete,
        };
        prop_assert_eq!(State::of(outcomes), expected);
    }

    /// Whatever comes back in whatever order: once open, the next request waits for the one before it to report, or for
    /// the time of a lease, in which its sender must have died.
    #[test]
    fn a_breaker_never_admits_two_probes_at_once(events in vec((0u8..6, 0u64..20), 1..80)) {
        let (mut breaker, mut now, mut probe) = (Breaker::default(), NOW, None::<Timestamp>);
        for (event, seconds) in events {
            now = now.plus(Duration::from_secs(seconds));
            match event {
                0 => { breaker.succeeded(); probe = None; }
                1..=3 => { breaker.failed(now); probe = None; }
                _ => {
                    let closed = is_closed(breaker, now);
                    match breaker.admit(now) {
                        Ok(()) if !closed => {
                            prop_assert!(probe.is_none_or(|sent| now.since(sent) >= LEASE), "two probes");
                            prop_assert!(breaker.is_open(now));
                            prop_assert!(breaker.admit(now).is_err(), "a second one at the same time");
                            probe = Some(now);
                        }
                        Ok(()) => {}
                        Err(until) => prop_assert!(until > now && until <= now.plus(Duration::from_secs(300))),
                    }
                }
            }
        }
    }
}

/// Tells a closed breaker from an open one: a closed one admits any number.
fn is_closed(mut breaker: Breaker, now: Timestamp) -> bool {
    breaker.admit(now).is_ok() && breaker.admit(now).is_ok()
}
