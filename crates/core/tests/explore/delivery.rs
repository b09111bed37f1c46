//! The delivery workers: claim under a lease, send, record; each a moment of its own, with a crash possible between.

use acquit_core::{
    StepId,
    delivery::{Answer, LEASE, Said, settle},
    participant::Protocol,
    step::{self, Channel, Outcome, Target},
};

use super::{
    moves::{Mutant, Rules},
    transactions::{NAMES, at, protocol},
    world::{Held, LIFETIMES, OFFLINE_APP, SAML_APP, Step, StepKey, World},
};

/// Jitter that spreads nothing: the moments of the world stay few.
const EVEN: u64 = 200;

fn lease_seconds() -> i64 {
    i64::try_from(LEASE.as_secs()).unwrap()
}

/// The steps that may be claimed now.
pub(crate) fn due<'a>(rules: &'a Rules, world: &'a World) -> impl Iterator<Item = StepKey> + 'a {
    let free = |step: &Step| step.lease.is_none_or(|(_, until)| until <= world.now && !rules.is(Mutant::LeaseForEver));
    world
        .steps()
        .filter(move |(_, step)| step.next.is_some_and(|next| next <= world.now) && free(step))
        .map(|(key, _)| key)
}

pub(crate) fn claim(rules: &Rules, world: &mut World, worker: usize, key: StepKey) -> Option<()> {
    let until = world.now + lease_seconds();
    let step = world.step(key).as_mut()?;
    step.lease = Some((worker, until));
    if rules.is(Mutant::DoneAtClaim) {
        step.outcome = Outcome::Confirmed;
    }
    let step = *step;
    world.workers[worker] = Some(Held { key, step, until, answer: None });
    Some(())
}

/// The receiver answers. It may have taken the token though nobody lives to record it.
pub(crate) fn send(world: &mut World, worker: usize, well: bool) -> Option<()> {
    let held = world.workers[worker].as_mut()?;
    held.answer = Some(well);
    match held.key {
        _ if !well => world.budget.errors -= 1,
        StepKey::Session(session, app) => world.received.sessions[session][app] = true,
        StepKey::User(user, round) => world.received.users[user][round] = true,
    }
    Some(())
}

/// Records an attempt, unless the lease was lost meanwhile. The step is the one that the worker claimed.
pub(crate) fn record(rules: &Rules, world: &mut World, worker: usize) -> Option<()> {
    let held = world.workers[worker].take()?;
    let well = held.answer?;
    let answer = answer(rules, held.key, well);
    let update = settle(&core_step(held), &answer, at(world.now), EVEN);
    let step = world.step(held.key).as_mut()?;
    if step.lease != Some((worker, held.until)) && !rules.is(Mutant::LeaseIgnored) {
        return Some(());
    }
    step.outcome = update.outcome;
    step.next = update.next_attempt_at.map(acquit_core::Timestamp::as_seconds);
    step.again = update.again;
    step.attempts += 1;
    step.lease = None;
    Some(())
}

/// What comes back: a status or, in SAML, a message, which may prove nothing though it came with 200.
fn answer(rules: &Rules, key: StepKey, well: bool) -> Answer {
    let (retry_after, key_age, words) = (None, None, String::new());
    if app_of(key) != SAML_APP {
        return Answer::Status { code: if well { 200 } else { 500 }, retry_after, key_age, words: None };
    }
    let said = if well || rules.is(Mutant::UnprovedCounts) {
        Said::Done { words, note: None }
    } else {
        Said::Unproved { words }
    };
    Answer::Said { code: 200, said, retry_after, key_age }
}

fn app_of(key: StepKey) -> usize {
    match key {
        StepKey::Session(_, app) => app,
        StepKey::User(..) => OFFLINE_APP,
    }
}

fn core_step(held: Held) -> step::Step {
    let (row, protocol) = (held.step, protocol(app_of(held.key)));
    step::Step {
        id: StepId::of(&NAMES.logout, 0),
        logout: NAMES.logout.clone(),
        party: NAMES.apps[0].clone(),
        protocol,
        channel: Some(if protocol == Protocol::Saml { Channel::SamlSoap } else { Channel::Backchannel }),
        user: NAMES.users[0].clone(),
        session: None,
        target: Target::Nothing,
        outcome: row.outcome,
        detail: None,
        attempts: row.attempts,
        next_attempt_at: row.next.map(at),
        deadline: at(row.deadline),
        first: false,
        again: row.again,
        key_retried: false,
    }
}

/// The next moment at which anything changes by itself.
pub(crate) fn next_moment(world: &World) -> Option<i64> {
    let idle = i64::try_from(LIFETIMES.idle.as_secs()).unwrap();
    let sessions = world.sessions.iter().flatten().filter(|session| session.ended.is_none());
    let codes = world.codes.iter().flatten().flatten().filter(|code| !code.redeemed);
    let moments = sessions.map(|session| session.seen + idle).chain(codes.map(|code| code.expires));
    moments.chain(of_steps(world)).filter(|&moment| moment > world.now).min()
}

fn of_steps(world: &World) -> impl Iterator<Item = i64> + '_ {
    world.steps().flat_map(|(_, step)| [step.next, step.lease.map(|(_, until)| until)]).flatten()
}

/// Workers do what they can and every receiver is well; when there is nothing to do, time passes.
pub(crate) fn fair(rules: &Rules, world: &World) -> Option<World> {
    let mut next = world.clone();
    for worker in 0..next.workers.len() {
        match next.workers[worker] {
            Some(Held { answer: None, .. }) => send(&mut next, worker, true)?,
            Some(_) => record(rules, &mut next, worker)?,
            None => match due(rules, world).next() {
                Some(key) => claim(rules, &mut next, worker, key)?,
                None => continue,
            },
        }
        return Some(next);
    }
    next.now = of_steps(world).filter(|&moment| moment > world.now).min()?;
    Some(next)
}
