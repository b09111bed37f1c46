//! The keys that sign who a person is to a route: of their own, so that a node of the gateway that has them can make no ID token,
//! and no app takes one kind of token for the other. Sealed in the store, rotated as the others are.

use std::sync::{Arc, PoisonError, RwLock};

use acquit_core::Timestamp;
use acquit_oidc::jose::{Algorithm, JwksDocument, Role, SigningKey};
use acquit_store::{Store, key::KeyRecord};

use crate::{
    keys::{JWKS_MAX_AGE, KeysError, role},
    seal::{Purpose, RouteKeySeal, Sealer},
};

/// The name of the algorithm in the store: never that of a JWS. The view `gateway_keys` goes by it too.
pub const ALG: &str = "route-es256";
/// What the names of the keys in the store begin with.
const PREFIX: &str = "route-";

/// Whether an algorithm in the store is of keys that are kept here.
pub(crate) fn is_ours(alg: &str) -> bool {
    alg == ALG
}

/// The keys of this server. Clones share them.
#[derive(Clone, Debug)]
pub struct RouteKeys(Arc<Ring>);

#[derive(Debug)]
struct Ring {
    opened: RwLock<Opened>,
    seal: RouteKeySeal,
}

type Opened = Arc<Vec<(KeyRecord, Arc<SigningKey>)>>;

impl RouteKeys {
    /// Loads the keys, and makes the first one.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn load(store: &Store, sealer: &Sealer, now: Timestamp) -> Result<Self, KeysError> {
        if store.route_keys().await?.is_empty() {
            // Nobody has cached a set without it: it may sign at once.
            make(store, sealer, now, now).await?;
        }
        Self::read(store, sealer.route_keys()).await
    }

    /// Reads the keys that a server made.
    ///
    /// # Errors
    /// [`KeysError`]; [`KeysError::None`] when there are none yet.
    pub async fn read(store: &Store, seal: RouteKeySeal) -> Result<Self, KeysError> {
        let keys = open_all(store, &seal, &[]).await?;
        if keys.is_empty() {
            return Err(KeysError::None);
        }
        Ok(Self(Arc::new(Ring { opened: RwLock::new(Arc::new(keys)), seal })))
    }

    /// Looks for keys that another process made or retired.
    ///
    /// # Errors
    /// [`KeysError`]; the keys stay as they were.
    pub async fn refresh(&self, store: &Store) -> Result<(), KeysError> {
        let fresh = open_all(store, &self.0.seal, &self.keys()).await?;
        *self.0.opened.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        Ok(())
    }

    fn keys(&self) -> Opened {
        self.0.opened.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key that signs now: of those that may, the newest.
    #[must_use]
    pub fn signer(&self, now: Timestamp) -> Option<Arc<SigningKey>> {
        let keys = self.keys();
        let active = keys.iter().filter(|(record, _)| role(record, now) == Some(Role::Active));
        active.max_by_key(|(record, _)| record.signs_from).map(|(_, key)| key.clone())
    }

    /// The keys to publish, the newest first, under the names that assertions have for them.
    #[must_use]
    pub fn document(&self, now: Timestamp) -> JwksDocument {
        let keys = self.keys();
        let published = keys.iter().rev().filter(|(record, _)| role(record, now).is_some());
        JwksDocument { keys: published.map(|(_, key)| key.assertion_jwk()).collect() }
    }
}

/// Replaces the key; the name of the new one, and when it begins to sign. The old one stays published past every assertion.
///
/// # Errors
/// [`KeysError`].
pub async fn rotate(store: &Store, sealer: &Sealer, now: Timestamp) -> Result<(String, Timestamp), KeysError> {
    let from = now.plus(JWKS_MAX_AGE);
    let old = store.keys().await?;
    let made = make(store, sealer, now, from).await?;
    for record in old.iter().filter(|record| is_ours(&record.alg) && record.retired_at.is_none()) {
        store.retire_key(&record.kid, from, from.plus(JWKS_MAX_AGE)).await?;
    }
    Ok((made, from))
}

async fn make(store: &Store, sealer: &Sealer, now: Timestamp, signs_from: Timestamp) -> Result<String, KeysError> {
    let key = SigningKey::generate(Algorithm::Es256)?;
    let kid = format!("{PREFIX}{}", key.assertion_kid());
    let record = KeyRecord {
        kid: kid.clone(),
        alg: ALG.to_owned(),
        sealed: sealer.seal_bytes(Purpose::RouteKey, &key.to_pkcs8()?)?,
        created_at: now,
        signs_from,
        retired_at: None,
        published_until: None,
    };
    store.put_key(record).await?;
    Ok(kid)
}

async fn open_all(
    store: &Store,
    seal: &RouteKeySeal,
    known: &[(KeyRecord, Arc<SigningKey>)],
) -> Result<Vec<(KeyRecord, Arc<SigningKey>)>, KeysError> {
    let mut keys = Vec::new();
    for record in store.route_keys().await? {
        let parsed = known.iter().find(|(other, _)| other.kid == record.kid).map(|(_, key)| key.clone());
        let key = match parsed {
            Some(key) => key,
            None => {
                let der = seal.open(&record.sealed).map_err(|_| KeysError::Sealed { kid: record.kid.clone() })?;
                Arc::new(SigningKey::from_pkcs8(Algorithm::Es256, &der)?)
            }
        };
        keys.push((record, key));
    }
    Ok(keys)
}
