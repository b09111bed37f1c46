//! What a user has let an application have.

use acquit_core::{AppId, Timestamp, UserId};

use crate::{Store, StoreError, column::to_json, tx::Tx, value::params};

impl Store {
    /// The scopes that a user has let an application have, if they were asked.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn consented(&self, user: &UserId, app: &AppId) -> Result<Option<Vec<String>>, StoreError> {
        self.read((user.clone(), app.clone()), |tx, (user, app)| Box::pin(consented(tx, user, app))).await
    }

    /// Records the scopes that a user lets an application have, instead of those of before.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn record_consent(
        &self,
        user: &UserId,
        app: &AppId,
        scopes: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (user.clone(), app.clone(), scopes.to_vec(), now);
        self.write(args, |tx, (user, app, scopes, now)| Box::pin(record(tx, user, app, scopes, *now))).await
    }
}

async fn consented(tx: &mut Tx, user: &UserId, app: &AppId) -> Result<Option<Vec<String>>, StoreError> {
    let sql = "SELECT scopes FROM consents WHERE user_id = $1 AND app = $2";
    tx.query_opt(sql, &params![user, app]).await?.map(|row| row.read().json()).transpose()
}

async fn record(tx: &mut Tx, user: &UserId, app: &AppId, scopes: &[String], now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO consents (user_id, app, scopes, at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (user_id, app) DO UPDATE SET scopes = excluded.scopes, at = excluded.at";
    tx.execute(sql, &params![user, app, &to_json(scopes)?, now]).await?;
    Ok(())
}
