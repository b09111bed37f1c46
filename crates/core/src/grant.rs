//! May this code be redeemed, may this refresh token be rotated? The rules behind "no survivor" (promise 2).
//!
//! The store calls these inside the transaction that holds the session's row, with what it read there, so whoever comes
//! second to a logout sees what the logout did.

use std::time::Duration;

use crate::{Timestamp, session::Life};

/// How long the same refresh token may come twice without being taken for theft: two tabs refreshing at once.
pub const REFRESH_GRACE: Duration = Duration::from_secs(10);

/// An authorization code as it stands at redemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeState {
    /// When it stops being good.
    pub expires_at: Timestamp,
    /// Whether it was redeemed before.
    pub redeemed: bool,
    /// What its session is worth.
    pub session: Life,
}

/// Why a code is not redeemed. The client must begin a new authorization; the same code never works again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// Used before: whoever holds it twice may be a thief, so what it minted is revoked too (RFC 6749 section 4.1.2).
    #[error("the code was used before")]
    Replayed,
    /// Too late.
    #[error("the code has expired")]
    Expired,
    /// Its session is over; nothing minted concurrently with a logout outlives it.
    #[error("the session of this code has ended")]
    SessionEnded,
}

/// Decides on redeeming a code.
///
/// # Errors
/// [`CodeRefusal`]; a replay is reported even when the code has also expired, because it calls for revocation.
pub fn redeem(code: CodeState, now: Timestamp) -> Result<(), CodeRefusal> {
    if code.redeemed {
        Err(CodeRefusal::Replayed)
    } else if code.session != Life::Live {
        Err(CodeRefusal::SessionEnded)
    } else if now >= code.expires_at {
        Err(CodeRefusal::Expired)
    } else {
        Ok(())
    }
}

/// A refresh token as it stands when it is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshState {
    /// When it stops being good.
    pub expires_at: Timestamp,
    /// When it was exchanged for its successor, if it was.
    pub rotated_at: Option<Timestamp>,
    /// Whether its family was revoked.
    pub revoked: bool,
    /// Whether the grant has `offline_access` and so hangs on the user instead of the session (BC-31).
    pub offline: bool,
    /// What its session is worth.
    pub session: Life,
}

/// What to do with a refresh token that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// First use: mint its successor.
    Rotate,
    /// Used a moment ago, as two tabs do: mint another successor in the same family.
    WithinGrace,
}

/// Why a refresh token is refused. The client must begin a new authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    /// Used again after the grace: a thief and the owner hold it, so the whole family is revoked (RFC 9700 section 4.14.2).
    #[error("the refresh token was used before; its whole family is revoked now")]
    Reused,
    /// The family was revoked.
    #[error("the refresh token was revoked")]
    Revoked,
    /// Too late.
    #[error("the refresh token has expired")]
    Expired,
    /// Its session is over.
    #[error("the session of this refresh token has ended")]
    SessionEnded,
}

/// Decides on a refresh.
///
/// # Errors
/// [`RefreshRefusal`]; after [`RefreshRefusal::Reused`] the caller revokes the family.
pub fn refresh(token: RefreshState, now: Timestamp) -> Result<Rotation, RefreshRefusal> {
    if token.revoked {
        return Err(RefreshRefusal::Revoked);
    }
    if !token.offline && token.session != Life::Live {
        return Err(RefreshRefusal::SessionEnded);
    }
    if now >= token.expires_at {
        return Err(RefreshRefusal::Expired);
    }
    match token.rotated_at {
        None => Ok(Rotation::Rotate),
        Some(at) if now.since(at) < REFRESH_GRACE => Ok(Rotation::WithinGrace),
        Some(_) => Err(RefreshRefusal::Reused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    const CODE: CodeState = CodeState { expires_at: Timestamp::from_seconds(60), redeemed: false, session: Life::Live };
    const TOKEN: RefreshState = RefreshState {
        expires_at: Timestamp::from_seconds(1000),
        rotated_at: None,
        revoked: false,
        offline: false,
        session: Life::Live,
    };

    #[test]
    fn a_code_is_good_once_in_its_time_and_session() {
        assert_eq!(redeem(CODE, at(59)), Ok(()));
        assert_eq!(redeem(CODE, at(60)), Err(CodeRefusal::Expired));
        assert_eq!(redeem(CodeState { redeemed: true, ..CODE }, at(1)), Err(CodeRefusal::Replayed));
    }

    #[test]
    fn a_code_dies_with_its_session() {
        for session in [Life::Ended, Life::Idle, Life::Expired] {
            assert_eq!(redeem(CodeState { session, ..CODE }, at(1)), Err(CodeRefusal::SessionEnded));
        }
    }

    #[test]
    fn two_tabs_may_refresh_at_once_but_a_late_reuse_is_theft() {
        let rotated = RefreshState { rotated_at: Some(at(100)), ..TOKEN };
        assert_eq!(refresh(TOKEN, at(100)), Ok(Rotation::Rotate));
        assert_eq!(refresh(rotated, at(109)), Ok(Rotation::WithinGrace));
        assert_eq!(refresh(rotated, at(110)), Err(RefreshRefusal::Reused));
    }

    #[test]
    fn a_refresh_token_dies_with_its_session_unless_it_is_an_offline_one() {
        let ended = RefreshState { session: Life::Ended, ..TOKEN };
        assert_eq!(refresh(ended, at(1)), Err(RefreshRefusal::SessionEnded));
        assert_eq!(refresh(RefreshState { offline: true, ..ended }, at(1)), Ok(Rotation::Rotate));
        assert_eq!(
            refresh(RefreshState { offline: true, revoked: true, ..ended }, at(1)),
            Err(RefreshRefusal::Revoked)
        );
    }
}
