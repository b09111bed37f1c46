//! What can happen next.

use acquit_core::step::Outcome;

use super::{
    delivery, invariants,
    search::Model,
    transactions,
    world::{APPS, Ask, Held, OWNER, SESSIONS, Step, StepKey, World},
};

/// What may be done wrong in the transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    CodeAfterLogout,
    DoneAtClaim,
    RefreshUnchecked,
    SplitLogout,
    Upsert,
    LeaseIgnored,
    FromTokens,
    EpochKept,
    LeaseForEver,
    UnprovedCounts,
}

/// The rules that the world follows.
pub(crate) struct Rules {
    pub(crate) mutant: Option<Mutant>,
}

impl Rules {
    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Move {
    SignIn(usize),
    CheckPassword(usize),
    ReadSession(usize),
    /// The request in flight writes.
    Write,
    Authorize(usize, usize),
    Redeem(usize, usize),
    Refresh(usize, usize),
    LogOut(Ask),
    Claim(usize, StepKey),
    /// The receiver answers: it took the token, or it had an error.
    Send(usize, bool),
    Record(usize),
    CrashWorker(usize),
    CrashServer,
    Tick,
}

impl Model for Rules {
    type State = World;
    type Move = Move;
    type Open = (i64, Vec<(StepKey, Step)>, [Option<Held>; 2]);

    const ENDLESS: &'static str = invariants::DELIVERED;

    fn moves(&self, world: &World, moves: &mut Vec<Move>) {
        let budget = world.budget;
        let idle = world.flight.is_none() && budget.flights > 0;
        if world.flight.is_some() {
            moves.push(Move::Write);
        }
        for session in 0..SESSIONS {
            if world.sessions[session].is_none() {
                // The second browser of the first user comes after the first one; the other order is the same world.
                let turn =
                    session == 0 || OWNER[session] != OWNER[session - 1] || world.sessions[session - 1].is_some();
                if turn && budget.sign_ins > 0 {
                    moves.push(Move::SignIn(session));
                    moves.extend(idle.then_some(Move::CheckPassword(session)));
                }
                continue;
            }
            moves.extend(idle.then_some(Move::ReadSession(session)));
            for app in 0..APPS {
                if budget.codes > 0 && world.codes[session][app].is_none() {
                    moves.push(Move::Authorize(session, app));
                }
                moves.extend(world.codes[session][app].map(|_| Move::Redeem(session, app)));
                moves.extend(world.grants[session][app].map(|_| Move::Refresh(session, app)));
                if budget.logouts > 0 && world.participants[session][app].is_some() {
                    moves.extend([Move::LogOut(Ask::App(session, app)), Move::LogOut(Ask::AppAlone(session, app))]);
                }
            }
            moves.push(Move::LogOut(Ask::Sweep(session)));
            if budget.logouts > 0 {
                moves.extend([Move::LogOut(Ask::Session(session)), Move::LogOut(Ask::User(OWNER[session]))]);
            }
        }
        for worker in 0..budget.workers {
            match world.workers[worker] {
                None => moves.extend(delivery::due(self, world).map(|key| Move::Claim(worker, key))),
                Some(Held { answer: None, .. }) => {
                    moves.push(Move::Send(worker, true));
                    moves.extend((budget.errors > 0).then_some(Move::Send(worker, false)));
                }
                Some(_) => moves.push(Move::Record(worker)),
            }
            if budget.crashes > 0 && world.workers[worker].is_some() {
                moves.push(Move::CrashWorker(worker));
            }
        }
        if budget.crashes > 0 {
            moves.push(Move::CrashServer);
        }
        if budget.ticks > 0 {
            moves.push(Move::Tick);
        }
    }

    fn after(&self, world: &World, step: Move) -> Option<World> {
        let mut next = world.clone();
        let done = match step {
            Move::SignIn(session) => transactions::sign_in(&mut next, session),
            Move::CheckPassword(session) => transactions::check_password(&mut next, session),
            Move::ReadSession(session) => transactions::read_session(&mut next, session),
            Move::Write => transactions::write(self, &mut next),
            Move::Authorize(session, app) => transactions::authorize(&mut next, session, app),
            Move::Redeem(session, app) => transactions::redeem(self, &mut next, session, app),
            Move::Refresh(session, app) => transactions::refresh(self, &mut next, session, app),
            Move::LogOut(ask) if self.is(Mutant::SplitLogout) => transactions::read_participants(&mut next, ask),
            Move::LogOut(ask) => transactions::log_out(self, &mut next, ask, None),
            Move::Claim(worker, key) => delivery::claim(self, &mut next, worker, key),
            Move::Send(worker, well) => delivery::send(&mut next, worker, well),
            Move::Record(worker) => delivery::record(self, &mut next, worker),
            Move::CrashWorker(worker) => {
                next.budget.crashes -= 1;
                next.workers[worker] = None;
                Some(())
            }
            Move::CrashServer => {
                next.budget.crashes -= 1;
                next.workers = [None; 2];
                next.flight = None;
                Some(())
            }
            Move::Tick => {
                next.budget.ticks -= 1;
                next.now = delivery::next_moment(world)?;
                Some(())
            }
        };
        done.map(|()| next.canonical()).filter(|next| next != world)
    }

    fn broken_by(&self, before: &World, after: &World) -> Option<&'static str> {
        invariants::broken_by(before, after)
    }

    fn broken_in(&self, world: &World) -> Option<&'static str> {
        invariants::broken_in(self, world)
    }

    fn open(&self, world: &World) -> Self::Open {
        (world.now, world.steps().collect(), world.workers)
    }

    fn fair(&self, world: &World) -> Option<World> {
        delivery::fair(self, world)
    }

    fn delivered(&self, world: &World) -> Result<(), &'static str> {
        let open = world.steps().any(|(_, step)| step.outcome == Outcome::Pending || step.next.is_some());
        if open { Err(invariants::DELIVERED) } else { Ok(()) }
    }
}
