//! A session: one signed-in browser of one user, or one program that acts as them. It ends once, for ever.

use std::time::Duration;

use crate::{LogoutId, SessionId, Timestamp, UserId};

/// How long sessions may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// A session unused for this long is over.
    pub idle: Duration,
    /// A session older than this is over, however busy.
    pub max: Duration,
    /// The longest that a program's session lives, which is not asked for use.
    pub program: Duration,
}

impl Lifetimes {
    /// The age that no session reaches: what is said of one that ended may be forgotten then.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.max.max(self.program)
    }
}

/// A session as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// When it began.
    pub began_at: Timestamp,
    /// When its user last proved who they are (`auth_time`).
    pub authenticated_at: Timestamp,
    /// When it was last used.
    pub last_seen_at: Timestamp,
    /// The user's epoch when it began: a logout of all of the user raises the epoch and so kills it at once.
    pub epoch: i64,
    /// Until when a program's session lives, used or not; none for a browser's.
    pub until: Option<Timestamp>,
    /// Set once, by the logout that ended it.
    pub ended: Option<Ended>,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// By which logout.
    pub logout: LogoutId,
}

/// What a session is worth at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It may be used.
    Live,
    /// Unused for too long; the next sweep ends it by a logout.
    Idle,
    /// Too old; the next sweep ends it by a logout.
    Expired,
    /// It was ended, or a logout of all of its user overtook it.
    Ended,
}

/// A session's last use is written down at most this often, to spare the store.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

impl Session {
    /// Whether its use at `now` is to be written down: that of the last minute is near enough, or of the last sixteenth of
    /// the time after which it counts as idle.
    #[must_use]
    pub fn is_worth_touching(&self, now: Timestamp, lifetimes: Lifetimes) -> bool {
        self.ended.is_none() && now.since(self.last_seen_at) >= TOUCH_EVERY.min(lifetimes.idle / 16)
    }

    /// What this session is worth at `now`, given its user's present epoch. Only [`Life::Live`] lets anything be minted.
    #[must_use]
    pub fn life(&self, now: Timestamp, lifetimes: Lifetimes, user_epoch: i64) -> Life {
        if self.ended.is_some() || self.epoch < user_epoch {
            Life::Ended
        } else if let Some(until) = self.until {
            let lives = now < until && now.since(self.began_at) < lifetimes.program;
            if lives { Life::Live } else { Life::Expired }
        } else if now.since(self.began_at) >= lifetimes.max {
            Life::Expired
        } else if now.since(self.last_seen_at) >= lifetimes.idle {
            Life::Idle
        } else {
            Life::Live
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIMES: Lifetimes = Lifetimes {
        idle: Duration::from_secs(100),
        max: Duration::from_secs(1000),
        program: Duration::from_secs(9000),
    };

    fn session(last_seen: i64) -> Session {
        Session {
            id: SessionId::from_random([1; 16]),
            user: UserId::from_random([2; 16]),
            began_at: Timestamp::from_seconds(0),
            authenticated_at: Timestamp::from_seconds(0),
            last_seen_at: Timestamp::from_seconds(last_seen),
            epoch: 3,
            until: None,
            ended: None,
        }
    }

    fn life(session: &Session, now: i64, epoch: i64) -> Life {
        session.life(Timestamp::from_seconds(now), LIFETIMES, epoch)
    }

    #[test]
    fn a_session_lives_until_it_is_idle_or_too_old() {
        assert_eq!(life(&session(50), 149, 3), Life::Live);
        assert_eq!(life(&session(50), 150, 3), Life::Idle);
        assert_eq!(life(&session(999), 999, 3), Life::Live);
        assert_eq!(life(&session(999), 1000, 3), Life::Expired);
    }

    #[test]
    fn a_programs_session_lives_until_its_time_however_little_it_is_used() {
        let program = Session { until: Some(Timestamp::from_seconds(5000)), ..session(0) };
        assert_eq!(life(&program, 4999, 3), Life::Live);
        assert_eq!(life(&program, 5000, 3), Life::Expired);
        let shorter = Lifetimes { program: Duration::from_secs(4000), ..LIFETIMES };
        assert_eq!(program.life(Timestamp::from_seconds(4000), shorter, 3), Life::Expired, "the operator shortened it");
        assert_eq!(life(&program, 10, 4), Life::Ended, "it dies with its user's epoch like any other");
        let ended = Ended { at: Timestamp::from_seconds(60), logout: LogoutId::from_random([9; 16]) };
        assert_eq!(life(&Session { ended: Some(ended), ..program }, 10, 3), Life::Ended);
    }

    #[test]
    fn an_ended_session_never_lives_again() {
        let mut session = session(50);
        session.ended = Some(Ended { at: Timestamp::from_seconds(60), logout: LogoutId::from_random([9; 16]) });
        for now in [0, 50, 60, 61, 5000] {
            assert_eq!(life(&session, now, 3), Life::Ended);
        }
    }

    #[test]
    fn a_use_is_written_down_once_in_a_while_and_long_before_it_would_matter() {
        let worth = |now, lifetimes| session(50).is_worth_touching(Timestamp::from_seconds(now), lifetimes);
        assert!(!worth(56, LIFETIMES) && worth(57, LIFETIMES), "a sixteenth of a hundred seconds");
        let long = Lifetimes { idle: Duration::from_secs(12 * 3600), ..LIFETIMES };
        assert!(!worth(109, long) && worth(110, long));
        assert!(!worth(40, long), "a clock that jumped back");
    }

    #[test]
    fn a_raised_epoch_kills_the_sessions_that_began_before_it() {
        assert_eq!(life(&session(50), 60, 4), Life::Ended);
        assert_eq!(life(&session(50), 60, 3), Life::Live);
    }

    #[test]
    fn a_clock_that_jumps_back_ends_nothing() {
        assert_eq!(life(&session(50), -500, 3), Life::Live);
    }
}
