//! The promises, each checked in every state or on every transition.

use acquit_core::{session::Life, step::Outcome};

use super::{
    moves::{Mutant, Rules},
    transactions,
    world::{APPS, Ask, OFFLINE_APP, OWNER, SAML_APP, SESSIONS, SILENT_APP, StepKey, World},
};

pub(crate) const NOTHING_MINTED: &str = "nothing is minted for a session that has ended";
pub(crate) const NOTHING_LIVES: &str =
    "nothing that was minted outlives its session, and no offline grant its user's logout";
pub(crate) const ENDED_FOR_EVER: &str = "a session that has ended never lives again";
pub(crate) const OVERTAKEN: &str = "a sign-in that a logout of the user overtook begins no session";
pub(crate) const ALL_TOLD: &str = "every application that got a code in a session that ended has a step";
pub(crate) const HONEST: &str = "a step is confirmed only if its party got a token for that session";
pub(crate) const CONFIRMED_FOR_EVER: &str = "a confirmation is never taken back";
pub(crate) const NOT_LOST: &str = "a pending step has its next attempt, not after its deadline";
pub(crate) const IN_TIME: &str = "a step fails only once its deadline has come";
pub(crate) const ONCE: &str = "a logout asked for again adds nothing";
pub(crate) const DELIVERED: &str = "with receivers that are well every step ends confirmed";

/// The first promise that this transition breaks.
pub(crate) fn broken_by(before: &World, after: &World) -> Option<&'static str> {
    let revived = |session: usize| {
        before.sessions[session].is_some_and(|row| row.ended.is_some())
            && after.sessions[session].is_none_or(|row| row.ended.is_none())
    };
    if (0..SESSIONS).any(revived) {
        return Some(ENDED_FOR_EVER);
    }
    let kept = confirmations(before).all(|key| confirmations(after).any(|other| other == key));
    (!kept).then_some(CONFIRMED_FOR_EVER)
}

/// The first promise that is broken in this state.
pub(crate) fn broken_in(rules: &Rules, world: &World) -> Option<&'static str> {
    let mut sessions = 0..SESSIONS;
    let pending = |outcome| outcome == Outcome::Pending;
    if world.grants.iter().flatten().flatten().any(|grant| grant.minted_dead) {
        Some(NOTHING_MINTED)
    } else if sessions.clone().any(|session| ended(world, session) && !dead(world, session)) {
        Some(ENDED_FOR_EVER)
    } else if sessions.clone().any(|session| !nothing_lives(rules, world, session)) {
        Some(NOTHING_LIVES)
    } else if sessions.clone().any(|session| overtaken(world, session) && !dead(world, session)) {
        Some(OVERTAKEN)
    } else if !sessions.all(|session| all_told(world, session)) {
        Some(ALL_TOLD)
    } else if !confirmations(world).all(|key| world.was_received(key)) {
        Some(HONEST)
    } else if world.steps().any(|(_, s)| pending(s.outcome) && s.next.is_none_or(|next| next > s.deadline)) {
        Some(NOT_LOST)
    } else if world.steps().any(|(_, step)| step.outcome == Outcome::Failed && world.now < step.deadline) {
        Some(IN_TIME)
    } else {
        world.planned_twice.then_some(ONCE)
    }
}

fn ended(world: &World, session: usize) -> bool {
    world.sessions[session].is_some_and(|row| row.ended.is_some())
}

fn confirmations(world: &World) -> impl Iterator<Item = StepKey> + '_ {
    world.steps().filter(|(_, step)| step.outcome == Outcome::Confirmed).map(|(key, _)| key)
}

fn dead(world: &World, session: usize) -> bool {
    transactions::life(world, session) == Some(Life::Ended)
}

/// Whether a logout of all of the user came after the password was checked.
fn overtaken(world: &World, session: usize) -> bool {
    world.sessions[session].is_some_and(|row| row.proved < world.user_logouts[OWNER[session]])
}

/// Asks for everything that was minted in a session that has ended, as a thief with a copy would.
fn nothing_lives(rules: &Rules, world: &World, session: usize) -> bool {
    // The mutants of redemption and refresh have a promise of their own, which the very same attempts break.
    let own = rules.is(Mutant::CodeAfterLogout) || rules.is(Mutant::RefreshUnchecked);
    if !ended(world, session) || own {
        return true;
    }
    (0..APPS).filter(|&app| world.codes[session][app].is_some()).all(|app| {
        let try_with = |attempt: fn(&Rules, &mut World, usize, usize) -> Option<()>| {
            attempt(rules, &mut world.clone(), session, app).is_some()
        };
        let may_refresh = app == OFFLINE_APP && !overtaken(world, session);
        !try_with(transactions::redeem) && (may_refresh || !try_with(transactions::refresh))
    })
}

fn all_told(world: &World, session: usize) -> bool {
    let Some(ended) = world.sessions[session].and_then(|row| row.ended) else { return true };
    (0..APPS).filter(|&app| world.codes[session][app].is_some()).all(|app| {
        let excused = match ended.ask {
            Ask::App(_, asker) => asker == app && matches!(app, SILENT_APP | SAML_APP),
            Ask::AppAlone(_, asker) => asker == app,
            _ => false,
        };
        excused || world.session_steps[session][app].is_some()
    })
}
