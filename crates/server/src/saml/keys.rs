//! The keys that sign SAML messages: of RSA, each with the certificate that applications know it by, sealed in the store.
//!
//! Beside them, apart, those that decrypt names which applications encrypt to us: whoever learns something by how one kind is
//! used learns nothing of the other.
//!
//! They are apart from those of OpenID Connect: another name of the algorithm, another purpose of the seal, and rotated with
//! a longer overlap, because applications look at metadata once a day or never.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use acquit_core::Timestamp;
use acquit_saml::{
    BuildError,
    security::{Certificate, DecryptionKey, KeyKind, Signer},
};
use acquit_store::{Store, StoreError, key::KeyRecord};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{
    keys::{KeysError, role},
    seal::{Purpose, Sealer},
};

/// The name of the algorithm in the store: never that of a JWS.
pub const ALG: &str = "saml-rsa-sha256";
/// The same of the keys that decrypt.
pub const ALG_DECRYPTION: &str = "saml-rsa-oaep";
/// How long a new key is published before it signs, and an old one after it signed last.
pub const OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

/// The SAML keys of this server. Clones share them.
#[derive(Clone, Debug)]
pub struct SamlKeys(Arc<RwLock<Opened>>);

/// Each key as it stands in the store, and opened.
type Opened = Arc<Vec<(KeyRecord, Key)>>;

/// What a key does.
#[derive(Clone, Debug)]
enum Key {
    Signs(Signer),
    Decrypts(Certificate, DecryptionKey),
}

/// What a key is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Signing,
    Decryption,
}

impl Use {
    const ALL: [Self; 2] = [Self::Signing, Self::Decryption];

    const fn alg(self) -> &'static str {
        match self {
            Self::Signing => ALG,
            Self::Decryption => ALG_DECRYPTION,
        }
    }

    const fn purpose(self) -> Purpose {
        match self {
            Self::Signing => Purpose::SamlKey,
            Self::Decryption => Purpose::SamlDecryption,
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Signing => "saml-",
            Self::Decryption => "saml-enc-",
        }
    }

    fn of(alg: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.alg() == alg)
    }
}

/// Whether an algorithm in the store is of keys that are kept here.
pub(crate) fn is_ours(alg: &str) -> bool {
    Use::of(alg).is_some()
}

impl SamlKeys {
    /// Loads the keys, and makes the first ones.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn load(store: &Store, sealer: &Sealer, issuer: &str, now: Timestamp) -> Result<Self, KeysError> {
        let mut keys = open_all(store, sealer, &[]).await?;
        for wanted in Use::ALL {
            if keys.iter().all(|(record, _)| record.alg != wanted.alg()) {
                make(store, sealer, wanted, issuer, now, now).await?;
                keys = open_all(store, sealer, &keys).await?;
            }
        }
        Ok(Self(Arc::new(RwLock::new(Arc::new(keys)))))
    }

    /// Looks for keys that another process made or retired.
    ///
    /// # Errors
    /// [`KeysError`]; the keys stay as they were.
    pub async fn refresh(&self, store: &Store, sealer: &Sealer) -> Result<(), KeysError> {
        let fresh = open_all(store, sealer, &self.keys()).await?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        Ok(())
    }

    fn keys(&self) -> Opened {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key that signs now: of those that may, the newest.
    #[must_use]
    pub fn signer(&self, now: Timestamp) -> Option<Signer> {
        self.signing(now).map(|(signer, _)| signer)
    }

    /// The same, with the time since when it signs.
    #[must_use]
    pub fn signing(&self, now: Timestamp) -> Option<(Signer, Timestamp)> {
        use acquit_oidc::jose::Role;
        let keys = self.keys();
        let active = keys.iter().filter(|(record, _)| role(record, now) == Some(Role::Active));
        let signers = active.filter_map(|(record, key)| match key {
            Key::Signs(signer) => Some((signer.clone(), record.signs_from)),
            Key::Decrypts(..) => None,
        });
        signers.max_by_key(|(_, signs_from)| *signs_from)
    }

    /// The certificate of the key to encrypt to us now. A new one is not published before every node has its key.
    #[must_use]
    pub fn recipient(&self, now: Timestamp) -> Option<Certificate> {
        use acquit_oidc::jose::Role;
        let keys = self.keys();
        let active = keys.iter().filter(|(record, _)| role(record, now) == Some(Role::Active));
        let recipients = active.filter_map(|(record, key)| match key {
            Key::Decrypts(certificate, _) => Some((record.signs_from, certificate)),
            Key::Signs(_) => None,
        });
        recipients.max_by_key(|(from, _)| *from).map(|(_, certificate)| certificate.clone())
    }

    /// The keys that may have been encrypted to, the newest first.
    #[must_use]
    pub fn decryption(&self, now: Timestamp) -> Vec<DecryptionKey> {
        let keys = self.keys();
        let good = keys.iter().rev().filter(|(record, _)| role(record, now).is_some());
        let decrypting = good.filter_map(|(_, key)| match key {
            Key::Decrypts(_, key) => Some(key.clone()),
            Key::Signs(_) => None,
        });
        decrypting.collect()
    }

    /// The certificates to publish now, that of the key that signs first.
    #[must_use]
    pub fn certificates(&self, now: Timestamp) -> Vec<Certificate> {
        let signing = self.signer(now);
        let keys = self.keys();
        let published = keys.iter().filter(|(record, _)| role(record, now).is_some());
        let signers = published.filter_map(|(_, key)| match key {
            Key::Signs(signer) => Some(signer),
            Key::Decrypts(..) => None,
        });
        let mut certificates: Vec<Certificate> = signers.map(|signer| signer.certificate().clone()).collect();
        certificates.sort_by_key(|certificate| signing.as_ref().is_none_or(|key| key.certificate() != certificate));
        certificates
    }
}

/// The keys that were made in the place of others.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The name of the one that will sign.
    pub signing: String,
    /// The name of the one that applications will encrypt to.
    pub decryption: String,
    /// When both begin.
    pub from: Timestamp,
}

/// Replaces the keys. The one to decrypt with is published when the new one begins to sign; the old one opens what comes
/// for as long as an old one stays published.
///
/// # Errors
/// [`KeysError`].
pub async fn rotate(store: &Store, sealer: &Sealer, issuer: &str, now: Timestamp) -> Result<Rotated, KeysError> {
    let from = now.plus(OVERLAP);
    let old = store.keys().await?;
    let signing = make(store, sealer, Use::Signing, issuer, now, from).await?;
    let decryption = make(store, sealer, Use::Decryption, issuer, now, from).await?;
    for record in old.iter().filter(|record| is_ours(&record.alg) && record.retired_at.is_none()) {
        store.retire_key(&record.kid, from, from.plus(OVERLAP)).await?;
    }
    Ok(Rotated { signing, decryption, from })
}

async fn make(
    store: &Store,
    sealer: &Sealer,
    wanted: Use,
    issuer: &str,
    now: Timestamp,
    signs_from: Timestamp,
) -> Result<String, KeysError> {
    // Two threads' work of a tenth of a second, once in the life of a key.
    let pkcs8 = Signer::generate(KeyKind::Rsa2048)?;
    let signer = Signer::self_signed(&pkcs8, &common_name(issuer))?;
    let certificate = signer.certificate();
    let name = URL_SAFE_NO_PAD.encode(&digest(&SHA256, certificate.der()).as_ref()[..16]);
    let kid = format!("{}{name}", wanted.prefix());
    let record = KeyRecord {
        kid: kid.clone(),
        alg: wanted.alg().to_owned(),
        sealed: sealer.seal_bytes(wanted.purpose(), &pack(&pkcs8, certificate.der()))?,
        created_at: now,
        signs_from,
        retired_at: None,
        published_until: None,
    };
    store.put_key(record).await?;
    Ok(kid)
}

/// The host: what people see who look at the certificate.
pub(crate) fn common_name(issuer: &str) -> String {
    let host = url::Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
    // RFC 5280 has 64 characters.
    host.unwrap_or_else(|| "acquit".to_owned()).chars().take(64).collect()
}

/// The private key, after its length, and the certificate.
fn pack(pkcs8: &[u8], certificate: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = u32::try_from(pkcs8.len()).unwrap_or(u32::MAX);
    Zeroizing::new([&length.to_be_bytes()[..], pkcs8, certificate].concat())
}

fn unpack(packed: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = packed.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

async fn open_all(
    store: &Store,
    sealer: &Sealer,
    known: &[(KeyRecord, Key)],
) -> Result<Vec<(KeyRecord, Key)>, KeysError> {
    let mut keys = Vec::new();
    for record in store.keys().await? {
        let Some(wanted) = Use::of(&record.alg) else { continue };
        let parsed = known.iter().find(|(other, _)| other.kid == record.kid).map(|(_, key)| key.clone());
        let key = match parsed {
            Some(key) => key,
            None => open(sealer, wanted, &record)?,
        };
        keys.push((record, key));
    }
    Ok(keys)
}

fn open(sealer: &Sealer, wanted: Use, record: &KeyRecord) -> Result<Key, KeysError> {
    let sealed = || KeysError::Sealed { kid: record.kid.clone() };
    let packed = sealer.open_bytes(wanted.purpose(), &record.sealed).map_err(|_| sealed())?;
    let (pkcs8, certificate) = unpack(&packed).ok_or_else(sealed)?;
    let certificate = Certificate::from_der(certificate)?;
    Ok(match wanted {
        Use::Signing => Key::Signs(Signer::from_pkcs8(pkcs8, certificate)?),
        Use::Decryption => Key::Decrypts(certificate, DecryptionKey::from_pkcs8(pkcs8)?),
    })
}

impl From<BuildError> for KeysError {
    fn from(error: BuildError) -> Self {
        Self::Saml(error)
    }
}

/// What cannot go on without a key that signs: no request can cause it.
pub(super) fn none() -> StoreError {
    StoreError::Unavailable("no SAML key signs at this time".to_owned())
}
