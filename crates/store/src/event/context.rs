//! What a reader of the log wants to know beside it: who the users are, and which browser a session is in. One query for
//! each kind, whatever the number of events.

use std::collections::{BTreeSet, HashMap};

use super::EventRecord;
use crate::{
    Store, StoreError,
    column::to_json,
    tx::{Sql, Tx, listed},
    value::params,
};

/// A user, as they are named now. One who was deleted has no name any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// What they type to sign in.
    pub username: Option<String>,
    /// Their address.
    pub email: Option<String>,
    /// Their full name.
    pub name: Option<String>,
}

/// What some events refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The users, by id.
    pub people: HashMap<String, Person>,
    /// The browsers with which sessions began, by the session's id. Sessions are forgotten some time after their end.
    pub browsers: HashMap<String, String>,
}

impl Store {
    /// What these events refer to.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn log_context(&self, events: &[EventRecord]) -> Result<Context, StoreError> {
        let users: BTreeSet<&str> = events.iter().filter_map(|event| event.user.as_deref()).collect();
        let of_browser = events.iter().filter(|event| event.facts.own_browser && event.facts.user_agent.is_none());
        let sessions: BTreeSet<&str> = of_browser.filter_map(|event| event.session.as_deref()).collect();
        let args = (to_json(&users)?, to_json(&sessions)?);
        self.snapshot(args, |tx, (users, sessions)| Box::pin(context(tx, users, sessions))).await
    }
}

/// A statement about the rows of which the ids are in a JSON list.
macro_rules! of_listed {
    ($select:literal) => {
        Sql {
            sqlite: concat!($select, " WHERE id IN ", listed!(sqlite, "1")),
            postgres: concat!($select, " WHERE id IN ", listed!(postgres, "1")),
        }
    };
}

async fn context(tx: &mut Tx, users: &str, sessions: &str) -> Result<Context, StoreError> {
    let mut context = Context::default();
    let sql = of_listed!("SELECT id, username, email, name, deleted_at FROM users");
    for row in tx.query(sql, &params![users]).await? {
        let mut row = row.read();
        let id = row.text()?;
        let (username, email, name) = (row.text()?, row.opt_text()?, row.opt_text()?);
        let person = match row.opt_time()? {
            Some(_) => Person::default(),
            None => Person { username: Some(username), email, name },
        };
        context.people.insert(id, person);
    }
    let sql = of_listed!("SELECT id, user_agent FROM sessions");
    for row in tx.query(sql, &params![sessions]).await? {
        let mut row = row.read();
        if let (id, Some(agent)) = (row.text()?, row.opt_text()?) {
            context.browsers.insert(id, agent);
        }
    }
    Ok(context)
}
