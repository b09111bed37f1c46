//! One transaction, or one connection to read from, on either engine. Statements are written once, with `$1`
//! placeholders, and prepared once per connection.

use futures_util::future::{BoxFuture, try_join_all};

use crate::{
    StoreError,
    postgres::Connection,
    value::{Row, Value},
};

/// What a transaction does: it may run again when PostgreSQL reports a conflict, or another of its group on SQLite fails, so it
/// keeps nothing but its arguments.
pub(crate) type Body<A, T> = for<'a> fn(&'a mut Tx, &'a A) -> BoxFuture<'a, Result<T, StoreError>>;

/// A transaction under way. On SQLite it owns the connection, so that it may cross threads.
pub(crate) enum Tx {
    Sqlite(rusqlite::Connection),
    Postgres(Connection),
}

/// A statement that the engines spell differently.
pub(crate) struct Sql {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// A statement that holds the rows it reads until the transaction ends. On SQLite the writer is alone anyway.
macro_rules! locking {
    ($($part:expr),+ $(,)?) => {
        $crate::tx::Sql { sqlite: concat!($($part),+), postgres: concat!($($part),+, " FOR UPDATE") }
    };
}
pub(crate) use locking;

/// The texts of a JSON list that is the parameter `$number`, as a query.
macro_rules! listed {
    (sqlite, $number:literal) => {
        concat!("(SELECT value FROM json_each($", $number, "))")
    };
    (postgres, $number:literal) => {
        concat!("(SELECT jsonb_array_elements_text(CAST(CAST($", $number, " AS TEXT) AS JSONB)))")
    };
}
pub(crate) use listed;

impl From<&'static str> for Sql {
    fn from(sql: &'static str) -> Self {
        Self { sqlite: sql, postgres: sql }
    }
}

/// The names that SQLite gives to the placeholders; it numbers them by where they first appear, so they are bound by name.
const NAMES: [&str; 24] = [
    "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12", "$13", "$14", "$15", "$16", "$17",
    "$18", "$19", "$20", "$21", "$22", "$23", "$24",
];

fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Value]) -> Result<(), StoreError> {
    for (name, value) in NAMES.iter().zip(params) {
        match statement.parameter_index(name)? {
            Some(index) => statement.raw_bind_parameter(index, value)?,
            None => return Err(StoreError::Corrupt(format!("a statement without {name}"))),
        }
    }
    if params.len() != statement.parameter_count() {
        return Err(StoreError::Corrupt("a statement with another number of parameters".to_owned()));
    }
    Ok(())
}

fn sqlite_query(connection: &rusqlite::Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, params)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Row::from_sqlite(row, columns)?);
    }
    Ok(found)
}

fn sqlite_execute(connection: &rusqlite::Connection, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, params)?;
    Ok(u64::try_from(statement.raw_execute()?).unwrap_or(u64::MAX))
}

impl Tx {
    /// All rows that a statement gives.
    pub(crate) async fn query(&mut self, sql: impl Into<Sql>, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let sql = sql.into();
        match self {
            Self::Sqlite(connection) => sqlite_query(connection, sql.sqlite, params),
            // What changes rows and gives them back is no look.
            Self::Postgres(connection) if sql.postgres.starts_with("SELECT ") => {
                connection.look(sql.postgres, params).await
            }
            Self::Postgres(connection) => {
                connection.begun().await?;
                connection.query(sql.postgres, params).await
            }
        }
    }

    /// Several looks, each after the one before, on PostgreSQL in one round trip together with the beginning of the transaction.
    /// What the first of them locks, the next ones see as whoever held it left it. None of them changes anything.
    pub(crate) async fn look_all<const N: usize>(
        &mut self,
        queries: [(Sql, Vec<Value>); N],
    ) -> Result<[Vec<Row>; N], StoreError> {
        let mut found = [const { Vec::new() }; N];
        match self {
            Self::Sqlite(connection) => {
                for (rows, (sql, params)) in found.iter_mut().zip(&queries) {
                    *rows = sqlite_query(connection, sql.sqlite, params)?;
                }
            }
            Self::Postgres(connection) => {
                let queries = queries.each_ref().map(|(sql, params)| (sql.postgres, params.as_slice()));
                for (rows, answer) in found.iter_mut().zip(connection.look_all(&queries).await?) {
                    *rows = answer;
                }
            }
        }
        Ok(found)
    }

    /// The first row that a statement gives, if any.
    pub(crate) async fn query_opt(&mut self, sql: impl Into<Sql>, params: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Runs one statement; how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: impl Into<Sql>, params: &[Value]) -> Result<u64, StoreError> {
        let sql = sql.into();
        match self {
            Self::Sqlite(connection) => sqlite_execute(connection, sql.sqlite, params),
            Self::Postgres(connection) => {
                connection.begun().await?;
                connection.execute(sql.postgres, params).await
            }
        }
    }

    /// Runs statements in their order, on PostgreSQL in one round trip; how many rows each touched.
    pub(crate) async fn execute_all(&mut self, batch: &Batch) -> Result<Vec<u64>, StoreError> {
        match self {
            Self::Sqlite(connection) => {
                batch.0.iter().map(|(sql, params)| sqlite_execute(connection, sql, params)).collect()
            }
            Self::Postgres(connection) => {
                connection.begun().await?;
                for (sql, _) in &batch.0 {
                    connection.prepare(sql).await?;
                }
                let connection = &*connection;
                try_join_all(batch.0.iter().map(|(sql, params)| connection.execute(sql, params))).await
            }
        }
    }

    /// Runs the last statements of a write; on PostgreSQL they are committed in the same round trip. Nothing may come after
    /// it, and nothing may depend on how many rows they touch: it cannot be taken back.
    pub(crate) async fn finish(&mut self, batch: &Batch) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => self.execute_all(batch).await.map(drop),
            Self::Postgres(connection) => connection.finish(&batch.0).await,
        }
    }

    /// One query for each of several sets of parameters, one after the other, on PostgreSQL in one round trip.
    pub(crate) async fn query_each(
        &mut self,
        sql: impl Into<Sql>,
        params: &[Vec<Value>],
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        let sql = sql.into();
        match self {
            Self::Sqlite(connection) => {
                params.iter().map(|params| sqlite_query(connection, sql.sqlite, params)).collect()
            }
            Self::Postgres(connection) => {
                if !sql.postgres.starts_with("SELECT ") {
                    connection.begun().await?;
                }
                let queries: Vec<_> = params.iter().map(|params| (sql.postgres, params.as_slice())).collect();
                connection.look_all(&queries).await
            }
        }
    }
}

/// Statements to be run together.
#[derive(Default)]
pub(crate) struct Batch(Vec<(&'static str, Vec<Value>)>);

impl Batch {
    pub(crate) fn push(&mut self, sql: &'static str, params: impl Into<Vec<Value>>) {
        self.0.push((sql, params.into()));
    }
}
