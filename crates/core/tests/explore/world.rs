//! A state: what the store holds, what processes hold in memory, and what really happened (which no rule may read).
//!
//! Everything has a fixed place, so the same world reached in another order is the same state.

use std::time::Duration;

use acquit_core::{session::Lifetimes, step::Outcome};

pub(crate) const APPS: usize = 3;
pub(crate) const SESSIONS: usize = 3;
/// The most logouts of one user.
pub(crate) const ROUNDS: usize = 3;
/// Whose the sessions are: the first user may sign in in two browsers.
pub(crate) const OWNER: [usize; SESSIONS] = [0, 0, 1];
/// The application that speaks SAML, told over SOAP; its codes stand for assertions.
pub(crate) const SAML_APP: usize = 0;
/// The application whose grants have `offline_access`, and which does not want to hear of expiry.
pub(crate) const OFFLINE_APP: usize = 1;
/// The application that cannot be told.
pub(crate) const SILENT_APP: usize = 2;

pub(crate) const LIFETIMES: Lifetimes =
    Lifetimes { idle: Duration::from_secs(40), max: Duration::from_secs(100), program: Duration::from_secs(100) };
pub(crate) const CODE_SECONDS: i64 = 20;
pub(crate) const DEADLINE_SECONDS: u64 = 45;

/// How often what may happen, so that the world stays finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    pub(crate) sign_ins: u8,
    pub(crate) codes: u8,
    pub(crate) logouts: u8,
    /// Requests that read in one transaction and write in another: a sign-in, a rolling write.
    pub(crate) flights: u8,
    /// How many workers deliver (two at most).
    pub(crate) workers: usize,
    pub(crate) errors: u8,
    pub(crate) crashes: u8,
    pub(crate) ticks: u8,
}

impl Budget {
    /// Worlds for every test run, each rich in another corner: what is delivered, what is minted and ended, and both.
    pub(crate) const SMALL: [Self; 3] = [
        Self { sign_ins: 1, codes: 1, logouts: 1, flights: 0, workers: 2, errors: 1, crashes: 1, ticks: 4 },
        Self { sign_ins: 2, codes: 2, logouts: 2, flights: 1, workers: 0, errors: 0, crashes: 0, ticks: 0 },
        Self { sign_ins: 2, codes: 2, logouts: 1, flights: 0, workers: 1, errors: 0, crashes: 1, ticks: 1 },
    ];
    /// Worlds for a long run.
    pub(crate) const LARGE: [Self; 3] = [
        Self { sign_ins: 1, codes: 2, logouts: 1, flights: 0, workers: 2, errors: 1, crashes: 1, ticks: 3 },
        Self { sign_ins: 2, codes: 2, logouts: 3, flights: 1, workers: 0, errors: 0, crashes: 0, ticks: 2 },
        Self { sign_ins: 2, codes: 2, logouts: 2, flights: 0, workers: 1, errors: 0, crashes: 1, ticks: 1 },
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    pub(crate) began: i64,
    pub(crate) seen: i64,
    pub(crate) epoch: u8,
    pub(crate) ended: Option<Ended>,
    /// What really happened: how many logouts of the user there had been when the password was checked.
    pub(crate) proved: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ended {
    pub(crate) at: i64,
    pub(crate) ask: Ask,
}

/// A logout that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    /// The user ends one session.
    Session(usize),
    /// The application signs its user out of one session, everywhere.
    App(usize, usize),
    /// The application has `single_logout = "none"`.
    AppAlone(usize, usize),
    /// The user, or an administrator, ends all of the user.
    User(usize),
    /// The sweep ends a session that is idle or too old.
    Sweep(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Participant {
    pub(crate) joined: i64,
    pub(crate) closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Code {
    pub(crate) expires: i64,
    pub(crate) redeemed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Grant {
    pub(crate) revoked: bool,
    /// What really happened: a token was minted when the session had ended.
    pub(crate) minted_dead: bool,
}

/// Which step: of a session at an application, or of a user as a whole at the one with offline grants, by the number of
/// that user's logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum StepKey {
    Session(usize, usize),
    User(usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Step {
    pub(crate) outcome: Outcome,
    pub(crate) attempts: u32,
    pub(crate) next: Option<i64>,
    pub(crate) deadline: i64,
    pub(crate) again: bool,
    pub(crate) lease: Option<(usize, i64)>,
}

/// What a worker holds in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    pub(crate) key: StepKey,
    /// The step as it was when it was claimed.
    pub(crate) step: Step,
    /// Until when the lease runs.
    pub(crate) until: i64,
    /// Whether the receiver took it, once it has answered.
    pub(crate) answer: Option<bool>,
}

/// A request between two transactions of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Flight {
    /// The password was checked; the session is yet to begin.
    SignIn { session: usize, epoch: u8, proved: u8 },
    /// The session was read; its last use is yet to be written.
    Touch { session: usize },
    /// Only by a mutant: the participants were read; the plan is yet to be applied.
    Logout { ask: Ask, read: [[bool; APPS]; SESSIONS] },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) budget: Budget,
    pub(crate) epochs: [u8; 2],
    pub(crate) sessions: [Option<Session>; SESSIONS],
    pub(crate) participants: [[Option<Participant>; APPS]; SESSIONS],
    pub(crate) codes: [[Option<Code>; APPS]; SESSIONS],
    pub(crate) grants: [[Option<Grant>; APPS]; SESSIONS],
    pub(crate) session_steps: [[Option<Step>; APPS]; SESSIONS],
    pub(crate) user_steps: [[Option<Step>; ROUNDS]; 2],
    pub(crate) workers: [Option<Held>; 2],
    pub(crate) flight: Option<Flight>,
    /// What really happened: logouts of all of the user.
    pub(crate) user_logouts: [u8; 2],
    /// What really happened, as the receivers wrote it down.
    pub(crate) received: Received,
    /// What really happened: a step was planned where there was one.
    pub(crate) planned_twice: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Received {
    pub(crate) sessions: [[bool; APPS]; SESSIONS],
    pub(crate) users: [[bool; ROUNDS]; 2],
}

impl World {
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            now: 0,
            budget,
            epochs: [0; 2],
            sessions: [None; SESSIONS],
            participants: [[None; APPS]; SESSIONS],
            codes: [[None; APPS]; SESSIONS],
            grants: [[None; APPS]; SESSIONS],
            session_steps: [[None; APPS]; SESSIONS],
            user_steps: [[None; ROUNDS]; 2],
            workers: [None; 2],
            flight: None,
            user_logouts: [0; 2],
            received: Received::default(),
            planned_twice: false,
        }
    }

    pub(crate) fn step(&mut self, key: StepKey) -> &mut Option<Step> {
        match key {
            StepKey::Session(session, app) => &mut self.session_steps[session][app],
            StepKey::User(user, round) => &mut self.user_steps[user][round],
        }
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = (StepKey, Step)> + '_ {
        let of_sessions = self.session_steps.iter().enumerate().flat_map(|(session, steps)| {
            steps.iter().enumerate().filter_map(move |(app, step)| Some((StepKey::Session(session, app), (*step)?)))
        });
        let of_users = self.user_steps.iter().enumerate().flat_map(|(user, steps)| {
            steps.iter().enumerate().filter_map(move |(round, step)| Some((StepKey::User(user, round), (*step)?)))
        });
        of_sessions.chain(of_users)
    }

    /// Whether a receiver got a token for this step.
    pub(crate) fn was_received(&self, key: StepKey) -> bool {
        match key {
            StepKey::Session(session, app) => self.received.sessions[session][app],
            StepKey::User(user, round) => self.received.users[user][round],
        }
    }

    /// Workers are alike: the one with the earlier step comes first.
    pub(crate) fn canonical(mut self) -> Self {
        let order = |held: &Option<Held>| held.map(|held| (held.key, held.until));
        if order(&self.workers[0]) < order(&self.workers[1]) {
            self.workers.swap(0, 1);
            let keys: Vec<_> = self.steps().map(|(key, _)| key).collect();
            for key in keys {
                if let Some((worker, _)) = self.step(key).as_mut().and_then(|step| step.lease.as_mut()) {
                    *worker = 1 - *worker;
                }
            }
        }
        self
    }
}
