//! A logout that an upstream provider tells us of through the browser (Front-Channel Logout 1.0, as the relying party).

use crate::{
    frontchannel,
    jose::{MAX_SID, usable},
    params::Params,
};

/// Why such a request ends nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrontChannelError {
    /// One of `iss` and `sid` without the other (FC-5).
    #[error("iss and sid come together or not at all")]
    Half,
    /// Of another issuer than the connection's (FC-6).
    #[error("iss is not this connection's provider")]
    Issuer,
    /// No session can have that name.
    #[error("sid is not usable")]
    Session,
}

/// The session that a request names at `issuer`; none when it names none, and then only the browser's own cookie says
/// which session of the connection is meant.
///
/// # Errors
/// [`FrontChannelError`]
pub fn parse<'a>(params: &'a Params, issuer: &str) -> Result<Option<&'a str>, FrontChannelError> {
    match frontchannel::parse(params).map_err(|_| FrontChannelError::Half)? {
        None => Ok(None),
        Some(session) if session.iss != issuer => Err(FrontChannelError::Issuer),
        Some(session) if !usable(session.sid, MAX_SID) => Err(FrontChannelError::Session),
        Some(session) => Ok(Some(session.sid)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://login.example.org/tenant";

    fn read(query: &str) -> Result<Option<String>, FrontChannelError> {
        parse(&Params::parse(query.as_bytes()).unwrap(), ISSUER).map(|sid| sid.map(str::to_owned))
    }

    #[test]
    fn a_session_is_named_by_both_or_not_at_all() {
        assert_eq!(read("iss=https://login.example.org/tenant&sid=s%201"), Ok(Some("s 1".into())));
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("x=1"), Ok(None));
        for half in ["iss=https://login.example.org/tenant", "sid=s", "iss=https://login.example.org/tenant&sid="] {
            assert_eq!(read(half), Err(FrontChannelError::Half), "{half}");
        }
    }

    #[test]
    fn another_provider_ends_nothing_here() {
        for iss in ["https://evil.example", "https://login.example.org/tenant/", "https://login.example.org"] {
            assert_eq!(read(&format!("iss={iss}&sid=s")), Err(FrontChannelError::Issuer), "{iss}");
        }
    }

    #[test]
    fn a_session_that_cannot_be_is_refused() {
        let query = format!("iss={ISSUER}&sid={}", "s".repeat(MAX_SID + 1));
        assert_eq!(read(&query), Err(FrontChannelError::Session));
        assert_eq!(read(&format!("iss={ISSUER}&sid=s%00")), Err(FrontChannelError::Session));
    }
}
