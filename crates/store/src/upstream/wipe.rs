//! Forgetting the tokens of sessions that are over. They are kept for giving them back and for naming the session to its
//! provider; once that is done nothing needs them, and what is not kept cannot be stolen.

use acquit_core::{SessionId, Timestamp};

use crate::{
    Store, StoreError,
    tx::{Batch, Tx},
    value::params,
};

/// Rows in one wipe.
const BATCH: i64 = 500;

impl Store {
    /// Wipes what is sealed of sign-ins whose sessions are over and whose providers need not be told anything more. A revocation
    /// that failed may be tried again by hand, so its token stays until the session's row is deleted. Returns how many were
    /// wiped, a bounded number.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn wipe_upstreams(&self) -> Result<u64, StoreError> {
        self.write((), |tx, ()| Box::pin(wipe(tx))).await
    }
}

impl Tx {
    /// Notes that the sessions of some sign-ins are over: nobody is asked about them any more, and their tokens are wiped soon.
    pub(crate) async fn upstreams_over(&mut self, sessions: &[&SessionId], now: Timestamp) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for &session in sessions {
            batch.push(
                "UPDATE upstreams SET over_since = $1, revalidate_at = NULL, revalidate_lease = NULL WHERE session_id = $2",
                params![now, session],
            );
        }
        self.execute_all(&batch).await.map(drop)
    }
}

async fn wipe(tx: &mut Tx) -> Result<u64, StoreError> {
    let sql = "UPDATE upstreams SET sealed = $1, over_since = NULL, has_access = 0, has_refresh = 0 WHERE id IN \
               (SELECT t.id FROM upstreams t WHERE t.over_since IS NOT NULL AND NOT EXISTS (SELECT 1 FROM steps p \
               WHERE p.session_id = t.session_id AND p.party = t.connection AND (p.outcome = 'pending' \
               OR p.outcome = 'failed' AND p.channel IN ('revocation', 'saml-soap'))) ORDER BY t.over_since LIMIT $2)";
    tx.execute(sql, &params![[].as_slice(), BATCH]).await
}
