//! The signing keys: sealed in the store, parsed in memory, rotated without anybody noticing.
//!
//! A new key is published for as long as a JWK set may be cached before it signs; an old one stays published past every
//! token and every retry that it may have signed.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use acquit_core::Timestamp;
use acquit_oidc::jose::{Algorithm, KeyError, KeySet, PublicJwk, Role, SigningKey};
use acquit_saml::security::{Certificate, Signer as SelfSigner};
use acquit_store::{Store, StoreError, key::KeyRecord};

use crate::{
    gateway, saml,
    seal::{Purpose, SealError, Sealer},
    settings::Lifetimes,
};

/// How long a JWK set may be cached, as `Cache-Control` says.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// Why there are no keys. The operator must act.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key was sealed under another master key.
    #[error("the signing key {kid} does not open: is this the master key that it was sealed under?")]
    Sealed {
        /// Which.
        kid: String,
    },
    /// There is none, and whoever asks makes none.
    #[error("there are no keys to sign with yet: start a server first, which makes them")]
    None,
    /// A key cannot be sealed.
    #[error("a signing key cannot be sealed: {0}")]
    Seal(#[from] SealError),
    /// The crypto library refuses a key.
    #[error("a signing key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// The SAML key or its certificate cannot be used.
    #[error("a SAML signing key cannot be used: {0}")]
    Saml(acquit_saml::BuildError),
    /// The store holds a key of an algorithm that this version does not know.
    #[error("the signing key {kid} has the unknown algorithm {alg}")]
    Algorithm {
        /// Which key.
        kid: String,
        /// Its algorithm.
        alg: String,
    },
}

/// A key that signs now.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The key.
    pub key: Arc<SigningKey>,
    /// Since when it signs.
    pub signs_from: Timestamp,
}

/// The keys of this server. Clones share them.
#[derive(Clone, Debug)]
pub struct Keys(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    loaded: RwLock<Arc<Loaded>>,
    /// The set as it was put together last: a request needs it, and it changes only when a key's role does.
    set: RwLock<Option<TimedSet>>,
    /// The certificates of the RSA keys, by their names: each is made of its key alone, the same on every node.
    certificates: RwLock<HashMap<String, Certificate>>,
}

#[derive(Debug)]
struct TimedSet {
    set: Arc<KeySet>,
    from: Timestamp,
    until: Timestamp,
}

#[derive(Debug, Default)]
struct Loaded {
    keys: Vec<(KeyRecord, Arc<SigningKey>)>,
}

impl Keys {
    /// Loads the keys, and makes those that are missing: one for each algorithm.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn load(store: &Store, sealer: &Sealer, now: Timestamp) -> Result<Self, KeysError> {
        let mut loaded = open_all(store, sealer, &Loaded::default()).await?;
        for alg in Algorithm::ALL {
            if loaded.keys.iter().all(|(record, _)| record.alg != alg.as_str()) {
                // Nobody has cached a set without it: it may sign at once.
                make(store, sealer, alg, now, now).await?;
                loaded = open_all(store, sealer, &loaded).await?;
            }
        }
        Ok(Self(Arc::new(Shared {
            loaded: RwLock::new(Arc::new(loaded)),
            set: RwLock::new(None),
            certificates: RwLock::default(),
        })))
    }

    /// Looks for keys that another process made or retired.
    ///
    /// # Errors
    /// [`KeysError`]; the keys stay as they were.
    pub async fn refresh(&self, store: &Store, sealer: &Sealer) -> Result<(), KeysError> {
        let known = self.loaded();
        let fresh = open_all(store, sealer, &known).await?;
        *self.0.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        *self.0.set.write().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn loaded(&self) -> Arc<Loaded> {
        self.0.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key that signs with `alg` now: of those that may, the newest.
    #[must_use]
    pub fn signing(&self, alg: Algorithm, now: Timestamp) -> Option<Signer> {
        self.loaded()
            .keys
            .iter()
            .filter(|(record, key)| key.algorithm() == alg && role(record, now) == Some(Role::Active))
            .max_by_key(|(record, _)| record.signs_from)
            .map(|(record, key)| Signer { key: key.clone(), signs_from: record.signs_from })
    }

    /// The published keys of RS256, the newest first, each with a certificate that it signed itself.
    ///
    /// # Errors
    /// [`KeysError`] when the crypto library refuses, which no request can cause.
    pub fn certified(&self, issuer: &str, now: Timestamp) -> Result<Vec<(PublicJwk, Certificate)>, KeysError> {
        let mut certified = Vec::new();
        let loaded = self.loaded();
        let mut keys: Vec<_> = loaded
            .keys
            .iter()
            .filter(|(record, key)| key.algorithm() == Algorithm::Rs256 && role(record, now).is_some())
            .collect();
        keys.sort_by_key(|(record, _)| std::cmp::Reverse(record.signs_from));
        for (_, key) in keys {
            let known = self.0.certificates.read().unwrap_or_else(PoisonError::into_inner).get(key.kid()).cloned();
            let certificate = match known {
                Some(certificate) => certificate,
                None => {
                    let signer = SelfSigner::self_signed(&key.to_pkcs8()?, &saml::keys::common_name(issuer))?;
                    let mut known = self.0.certificates.write().unwrap_or_else(PoisonError::into_inner);
                    known.insert(key.kid().to_owned(), signer.certificate().clone());
                    signer.certificate().clone()
                }
            };
            certified.push((key.public_jwk().clone(), certificate));
        }
        Ok(certified)
    }

    /// All keys with what they are for now: the set to publish and to check hints with.
    #[must_use]
    pub fn set(&self, now: Timestamp) -> Arc<KeySet> {
        if let Some(timed) = self.0.set.read().unwrap_or_else(PoisonError::into_inner).as_ref()
            && (timed.from..timed.until).contains(&now)
        {
            return timed.set.clone();
        }
        let mut cached = self.0.set.write().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that a refresh in between cannot be followed by the set from before it.
        let loaded = self.loaded();
        let mut keys: Vec<_> = loaded
            .keys
            .iter()
            .filter_map(|(record, key)| Some((record.signs_from, key.clone(), role(record, now)?)))
            .collect();
        keys.sort_by_key(|(signs_from, ..)| std::cmp::Reverse(*signs_from));
        let set = Arc::new(KeySet::new(keys.into_iter().map(|(_, key, role)| (key, role)).collect()));
        let changes = loaded
            .keys
            .iter()
            .flat_map(|(record, _)| [Some(record.signs_from), record.retired_at, record.published_until]);
        let until = changes.flatten().filter(|at| *at > now).min().unwrap_or(Timestamp::MAX);
        *cached = Some(TimedSet { set: set.clone(), from: now, until });
        set
    }
}

/// Whether an algorithm in the store is of the keys that are kept here, and not of SAML's or the gateway's.
fn is_ours(alg: &str) -> bool {
    !saml::keys::is_ours(alg) && !gateway::keys::is_ours(alg)
}

/// What a key is for at `now`; none when it is no longer published.
pub(crate) fn role(record: &KeyRecord, now: Timestamp) -> Option<Role> {
    if record.published_until.is_some_and(|until| until <= now) {
        None
    } else if record.retired_at.is_some_and(|at| at <= now) {
        Some(Role::Retired)
    } else if record.signs_from > now && record.signs_from > record.created_at {
        // A first key never waited to be published: it signs at any time, also after the clock was set back.
        Some(Role::Next)
    } else {
        Some(Role::Active)
    }
}

/// Replaces the keys of all algorithms: the new ones sign once every cached JWK set has them, the old ones sign until then
/// and stay published past every token and retry. Returns the new keys' names and when they begin to sign.
///
/// # Errors
/// [`KeysError`].
pub async fn rotate(
    store: &Store,
    sealer: &Sealer,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<(Vec<String>, Timestamp), KeysError> {
    let signs_from = now.plus(JWKS_MAX_AGE);
    let published_until = signs_from.plus(lifetimes.logout_deadline.max(lifetimes.id_token)).plus(JWKS_MAX_AGE);
    let mut old = store.keys().await?;
    old.retain(|record| is_ours(&record.alg));
    let mut made = Vec::new();
    for alg in Algorithm::ALL {
        made.push(make(store, sealer, alg, now, signs_from).await?);
    }
    for record in old.iter().filter(|record| record.retired_at.is_none()) {
        store.retire_key(&record.kid, signs_from, published_until).await?;
    }
    Ok((made, signs_from))
}

async fn make(
    store: &Store,
    sealer: &Sealer,
    alg: Algorithm,
    now: Timestamp,
    signs_from: Timestamp,
) -> Result<String, KeysError> {
    let key = SigningKey::generate(alg)?;
    let record = KeyRecord {
        kid: key.kid().to_owned(),
        alg: alg.as_str().to_owned(),
        sealed: sealer.seal_bytes(Purpose::SigningKey, &key.to_pkcs8()?)?,
        created_at: now,
        signs_from,
        retired_at: None,
        published_until: None,
    };
    let kid = record.kid.clone();
    store.put_key(record).await?;
    Ok(kid)
}

async fn open_all(store: &Store, sealer: &Sealer, known: &Loaded) -> Result<Loaded, KeysError> {
    let mut keys = Vec::new();
    for record in store.keys().await?.into_iter().filter(|record| is_ours(&record.alg)) {
        let parsed = known.keys.iter().find(|(other, _)| other.kid == record.kid).map(|(_, key)| key.clone());
        let key = match parsed {
            Some(key) => key,
            None => Arc::new(open(sealer, &record)?),
        };
        keys.push((record, key));
    }
    Ok(Loaded { keys })
}

fn open(sealer: &Sealer, record: &KeyRecord) -> Result<SigningKey, KeysError> {
    let alg = Algorithm::parse(&record.alg)
        .ok_or_else(|| KeysError::Algorithm { kid: record.kid.clone(), alg: record.alg.clone() })?;
    let der = sealer
        .open_bytes(Purpose::SigningKey, &record.sealed)
        .map_err(|_| KeysError::Sealed { kid: record.kid.clone() })?;
    Ok(SigningKey::from_pkcs8(alg, &der)?)
}
