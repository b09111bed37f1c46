//! The memory of what may be used only once: the `jti` of client assertions, confirmation tokens, sealed handles.

use acquit_core::Timestamp;

use crate::{Hash, Store, StoreError, tx::Tx, value::params};

/// A thing that may be used only once, taken note of in the very transaction of what it is used for: a store that does not take
/// the one has not used up the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once {
    kind: &'static str,
    key: Hash,
    until: Timestamp,
}

/// The kind of SAML messages.
pub(crate) const SAML_MESSAGE: &str = "saml-message";

impl Once {
    /// A SAML message by the hash of its issuer and ID, remembered until it would be too old to be taken anyway.
    #[must_use]
    pub const fn saml_message(issuer_and_id: Hash, until: Timestamp) -> Self {
        Self { kind: SAML_MESSAGE, key: issuer_and_id, until }
    }

    /// Whether it was unused; it is used then. Of several transactions at once, one finds it so.
    pub(crate) async fn take(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        remember(tx, self.kind, &self.key, self.until).await
    }
}

impl Store {
    /// Remembers that something was used, until it is of no use any more; false when it was used before. Exactly one of
    /// several callers at once gets true.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere: then it must not be taken for unused.
    pub async fn remember_once(&self, kind: &str, key_hash: &Hash, until: Timestamp) -> Result<bool, StoreError> {
        let args = (kind.to_owned(), *key_hash, until);
        self.write(args, |tx, (kind, hash, until)| Box::pin(remember(tx, kind, hash, *until))).await
    }

    /// Whether something was used already, without using it up.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere: then it must not be taken for unused.
    pub async fn was_used(&self, kind: &str, key_hash: &Hash) -> Result<bool, StoreError> {
        self.read((kind.to_owned(), *key_hash), |tx, (kind, hash)| Box::pin(was_used(tx, kind, hash))).await
    }
}

async fn remember(tx: &mut Tx, kind: &str, hash: &Hash, until: Timestamp) -> Result<bool, StoreError> {
    let sql =
        "INSERT INTO used_once (kind, key_hash, until) VALUES ($1, $2, $3) ON CONFLICT (kind, key_hash) DO NOTHING";
    Ok(tx.execute(sql, &params![kind, hash, until]).await? > 0)
}

async fn was_used(tx: &mut Tx, kind: &str, hash: &Hash) -> Result<bool, StoreError> {
    let sql = "SELECT until FROM used_once WHERE kind = $1 AND key_hash = $2";
    Ok(tx.query_opt(sql, &params![kind, hash]).await?.is_some())
}
