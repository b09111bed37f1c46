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
/// The kind of rights of broker applications to a logout.
pub const LOGOUT_RIGHT: &str = "logout-right";
/// The kind of logout tokens of identity providers.
pub const LOGOUT_TOKEN: &str = "logout-token";

impl Once {
    /// A SAML message by the hash of its issuer and ID, remembered until it would be too old to be taken anyway.
    #[must_use]
    pub const fn saml_message(issuer_and_id: Hash, until: Timestamp) -> Self {
        Self { kind: SAML_MESSAGE, key: issuer_and_id, until }
    }

    /// The right of a broker application to a logout, by the hash of its nonce, remembered until it has expired anyway.
    #[must_use]
    pub const fn logout_right(nonce: Hash, until: Timestamp) -> Self {
        Self { kind: LOGOUT_RIGHT, key: nonce, until }
    }

    /// A logout token of an identity provider by the hash of its connection and `jti`, remembered until it has expired anyway.
    #[must_use]
    pub const fn logout_token(connection_and_jti: Hash, until: Timestamp) -> Self {
        Self { kind: LOGOUT_TOKEN, key: connection_and_jti, until }
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

    /// Binds a name to what it stands for, until it is of no use any more: false when it stands for something else already. Of
    /// several callers at once with one name and different things, one gets true.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere: then it must not be taken for bound.
    pub async fn bind_once(
        &self,
        kind: &str,
        name_hash: &Hash,
        thing_hash: &Hash,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let args = (kind.to_owned(), *name_hash, *thing_hash, until);
        self.write(args, |tx, (kind, name, thing, until)| Box::pin(bind(tx, kind, name, thing, *until))).await
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

/// The thing is remembered in the transaction that takes the name, so that whoever finds the name taken finds for what.
async fn bind(tx: &mut Tx, kind: &str, name: &Hash, thing: &Hash, until: Timestamp) -> Result<bool, StoreError> {
    if remember(tx, &format!("{kind}-name"), name, until).await? {
        remember(tx, kind, thing, until).await?;
        return Ok(true);
    }
    was_used(tx, kind, thing).await
}

async fn was_used(tx: &mut Tx, kind: &str, hash: &Hash) -> Result<bool, StoreError> {
    let sql = "SELECT until FROM used_once WHERE kind = $1 AND key_hash = $2";
    Ok(tx.query_opt(sql, &params![kind, hash]).await?.is_some())
}
