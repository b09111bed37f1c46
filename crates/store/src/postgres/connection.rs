//! One connection out of the pool, and how far the transaction on it is: what may be sent together goes in one round trip.

use deadpool_postgres::Object;
use futures_util::future::{join, try_join_all};
use tokio_postgres::{Statement, types::ToSql};

use crate::{
    StoreError,
    value::{Row, Value},
};

/// A connection out of the pool. If what it was taken for did not finish it is closed, never given back: a transaction may
/// be open on it, or an answer still to come.
pub(crate) struct Connection {
    object: Option<Object>,
    pub(super) busy: bool,
    pub(super) stage: Stage,
}

/// How far the transaction on a connection is.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    /// There is none: what runs, runs by itself; or it is over.
    None,
    /// It is to begin by this statement, together with its first query, which saves a round trip.
    Before(&'static str),
    /// It has begun.
    Open,
}

impl Connection {
    pub(super) fn new(object: Object) -> Self {
        Self { object: Some(object), busy: true, stage: Stage::None }
    }

    fn object(&self) -> Result<&Object, StoreError> {
        self.object.as_ref().ok_or_else(|| StoreError::Unavailable("the connection is gone".to_owned()))
    }

    /// Begins the transaction if it has not begun. What changes something comes after this, so that it never runs outside.
    pub(crate) async fn begun(&mut self) -> Result<(), StoreError> {
        if let Stage::Before(begin) = self.stage {
            self.object()?.batch_execute(begin).await?;
            self.stage = Stage::Open;
        }
        Ok(())
    }

    pub(super) async fn end(mut self, keep: bool) -> Result<(), StoreError> {
        if matches!(self.stage, Stage::Open) {
            self.object()?.batch_execute(if keep { "COMMIT" } else { "ROLLBACK" }).await?;
        }
        self.busy = false;
        Ok(())
    }

    pub(crate) async fn prepare(&self, sql: &str) -> Result<Statement, StoreError> {
        Ok(self.object()?.prepare_cached(sql).await?)
    }

    /// A query that reads, perhaps locking what it reads: it may be sent together with the beginning of its transaction.
    pub(crate) async fn look(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        match self.stage {
            Stage::Before(_) => Ok(self.look_all(&[(sql, params)]).await?.pop().unwrap_or_default()),
            Stage::None | Stage::Open => self.query(sql, params).await,
        }
    }

    /// Such queries, one after the other, in one round trip. Each sees what was committed until it began.
    pub(crate) async fn look_all(&mut self, queries: &[(&str, &[Value])]) -> Result<Vec<Vec<Row>>, StoreError> {
        let mut prepared = Vec::with_capacity(queries.len());
        for (sql, params) in queries {
            prepared.push((self.prepare(sql).await?, *params));
        }
        let rows = try_join_all(prepared.iter().map(|(statement, params)| self.rows(statement, params)));
        let Stage::Before(begin) = self.stage else { return rows.await };
        let (begun, rows) = join(self.object()?.batch_execute(begin), rows).await;
        begun?;
        self.stage = Stage::Open;
        rows
    }

    pub(crate) async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepare(sql).await?;
        self.rows(&statement, params).await
    }

    async fn rows(&self, statement: &Statement, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let rows = self.object()?.query(statement, &as_params(params)).await?;
        rows.iter().map(Row::from_postgres).collect()
    }

    pub(crate) async fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        let statement = self.prepare(sql).await?;
        Ok(self.object()?.execute(&statement, &as_params(params)).await?)
    }

    /// Runs the last statements of a transaction and commits them, in one round trip. When one of them fails, the server
    /// rolls back where it was to commit.
    pub(crate) async fn finish(&mut self, batch: &[(&'static str, Vec<Value>)]) -> Result<(), StoreError> {
        self.begun().await?;
        for (sql, _) in batch {
            self.prepare(sql).await?;
        }
        let statements = try_join_all(batch.iter().map(|(sql, params)| self.execute(sql, params)));
        let (done, over) = join(statements, self.object()?.batch_execute("COMMIT")).await;
        if over.is_ok() {
            self.stage = Stage::None;
        }
        done?;
        Ok(over?)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.busy
            && let Some(object) = self.object.take()
        {
            drop(Object::take(object));
        }
    }
}

fn as_params(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}
