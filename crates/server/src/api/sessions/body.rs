//! A session as the API and the command show it, in JSON.

use acquit_core::{
    Timestamp,
    session::{Life, Lifetimes},
};
use acquit_store::session::SessionView;
use serde::Serialize;

/// A session: whose, since when, from where, and what was opened in it.
#[derive(Debug, Serialize)]
pub struct SessionBody {
    /// Its identifier.
    pub id: String,
    /// Whose it is.
    pub user: UserBody,
    /// `live`, or `ended` for whatever can no longer be used.
    pub state: &'static str,
    /// When it began.
    pub began_at: Timestamp,
    /// When its user last proved who they are.
    pub authenticated_at: Timestamp,
    /// When it was last used, to about a minute.
    pub last_seen_at: Timestamp,
    /// When a logout ended it.
    pub ended_at: Option<Timestamp>,
    /// Which logout that was.
    pub logout: Option<String>,
    /// The address that it began from.
    pub ip: Option<String>,
    /// The browser that it began in, by its own word.
    pub user_agent: Option<String>,
    /// The program that has it instead of a browser, as the operator calls it.
    pub program: Option<String>,
    /// Until when a program has it.
    pub expires_at: Option<Timestamp>,
    /// The applications that were opened in it.
    pub applications: Vec<ApplicationBody>,
}

/// A user, as far as a session names them.
#[derive(Debug, Serialize)]
pub struct UserBody {
    /// Their identifier.
    pub id: String,
    /// What they type to sign in.
    pub username: String,
}

/// An application in a session.
#[derive(Debug, Serialize)]
pub struct ApplicationBody {
    /// Its identifier.
    pub id: String,
    /// When it was last opened.
    pub joined_at: Timestamp,
}

impl SessionBody {
    /// The session as it stands at `now`.
    #[must_use]
    pub fn new(view: &SessionView, now: Timestamp, lifetimes: Lifetimes) -> Self {
        let session = &view.session;
        let ended = session.ended.as_ref();
        let opened = view.participants.iter();
        Self {
            id: session.id.to_string(),
            user: UserBody { id: view.user.id.to_string(), username: view.user.username.clone() },
            state: if view.life(now, lifetimes) == Life::Live { "live" } else { "ended" },
            began_at: session.began_at,
            authenticated_at: session.authenticated_at,
            last_seen_at: session.last_seen_at,
            ended_at: ended.map(|ended| ended.at),
            logout: ended.map(|ended| ended.logout.to_string()),
            ip: view.ip.clone(),
            user_agent: view.user_agent.clone().filter(|_| session.until.is_none()),
            program: view.user_agent.clone().filter(|_| session.until.is_some()),
            expires_at: session.until,
            applications: opened
                .map(|joined| ApplicationBody { id: joined.app.to_string(), joined_at: joined.joined_at })
                .collect(),
        }
    }
}
