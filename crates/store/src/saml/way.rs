//! The way that a browser is on after a logout: from one application to the next, and where it ends. What it holds is the
//! server's affair.

use acquit_core::{LogoutId, Timestamp};

use crate::{Store, StoreError, tx::Tx, value::params};

impl Store {
    /// Keeps the way of a logout's browser until it is of no use any more, instead of one that it was on before.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn keep_saml_way(&self, logout: &LogoutId, way: String, until: Timestamp) -> Result<(), StoreError> {
        let args = (logout.clone(), way, until);
        self.write(args, |tx, (logout, way, until)| Box::pin(keep(tx, logout, way, *until))).await
    }

    /// The way of a logout's browser, if it is still on it.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn saml_way(&self, logout: &LogoutId, now: Timestamp) -> Result<Option<String>, StoreError> {
        self.read((logout.clone(), now), |tx, (logout, now)| Box::pin(find(tx, logout, *now))).await
    }
}

async fn keep(tx: &mut Tx, logout: &LogoutId, way: &str, until: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO saml_ways (logout_id, way, expires_at) VALUES ($1, $2, $3) \
               ON CONFLICT (logout_id) DO UPDATE SET way = EXCLUDED.way, expires_at = EXCLUDED.expires_at";
    tx.execute(sql, &params![logout, way, until]).await?;
    Ok(())
}

async fn find(tx: &mut Tx, logout: &LogoutId, now: Timestamp) -> Result<Option<String>, StoreError> {
    let sql = "SELECT way FROM saml_ways WHERE logout_id = $1 AND expires_at > $2";
    tx.query_opt(sql, &params![logout, now]).await?.map(|row| row.read().text()).transpose()
}
