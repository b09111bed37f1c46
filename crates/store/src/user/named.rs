//! Many users at once, as a start looks for those of its configuration.

use super::User;
use crate::{
    Store, StoreError,
    column::to_json,
    tx::{Sql, Tx, listed},
    value::params,
};

/// The most names in one question.
const AT_ONCE: usize = 1000;

impl Store {
    /// The users of these names, in no order; of a name that is nobody's there is none.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn users_named(&self, usernames: &[&str]) -> Result<Vec<User>, StoreError> {
        let mut found = Vec::with_capacity(usernames.len());
        for some in usernames.chunks(AT_ONCE) {
            // No engine keeps a zero byte in a text, and PostgreSQL's JSON has none.
            let some: Vec<&str> = some.iter().copied().filter(|name| !name.contains('\0')).collect();
            found.extend(self.read(to_json(&some)?, |tx, names| Box::pin(named(tx, names))).await?);
        }
        Ok(found)
    }
}

macro_rules! named_sql {
    ($engine:ident) => {
        concat!(
            "SELECT ",
            $crate::user::user_columns!(),
            " FROM users u WHERE u.username IN ",
            listed!($engine, "1"),
            " AND u.deleted_at IS NULL"
        )
    };
}

async fn named(tx: &mut Tx, names: &str) -> Result<Vec<User>, StoreError> {
    let sql = Sql { sqlite: named_sql!(sqlite), postgres: named_sql!(postgres) };
    let rows = tx.query(sql, &params![names]).await?;
    rows.into_iter().map(|row| User::read(&mut row.read())).collect()
}
