//! The keys that sign SAML messages: of RSA, each with the certificate that applications know it by, sealed in the store.
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
    security::{Certificate, KeyKind, Signer},
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
/// How long a new key is published before it signs, and an old one after it signed last.
pub const OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

/// The SAML keys of this server. Clones share them.
#[derive(Clone, Debug)]
pub struct SamlKeys(Arc<RwLock<Opened>>);

/// Each key as it stands in the store, and opened.
type Opened = Arc<Vec<(KeyRecord, Signer)>>;

impl SamlKeys {
    /// Loads the keys, and makes the first one.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn load(store: &Store, sealer: &Sealer, issuer: &str, now: Timestamp) -> Result<Self, KeysError> {
        let mut keys = open_all(store, sealer, &[]).await?;
        if keys.is_empty() {
            make(store, sealer, issuer, now, now).await?;
            keys = open_all(store, sealer, &[]).await?;
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
        self.keys()
            .iter()
            .filter(|(record, _)| role(record, now) == Some(Role::Active))
            .max_by_key(|(record, _)| record.signs_from)
            .map(|(record, signer)| (signer.clone(), record.signs_from))
    }

    /// The certificates to publish now, that of the key that signs first.
    #[must_use]
    pub fn certificates(&self, now: Timestamp) -> Vec<Certificate> {
        let signing = self.signer(now);
        let keys = self.keys();
        let published = keys.iter().filter(|(record, _)| role(record, now).is_some());
        let mut certificates: Vec<Certificate> = published.map(|(_, signer)| signer.certificate().clone()).collect();
        certificates.sort_by_key(|certificate| signing.as_ref().is_none_or(|key| key.certificate() != certificate));
        certificates
    }
}

/// Replaces the key. Returns the new one's name and when it begins to sign.
///
/// # Errors
/// [`KeysError`].
pub async fn rotate(
    store: &Store,
    sealer: &Sealer,
    issuer: &str,
    now: Timestamp,
) -> Result<(String, Timestamp), KeysError> {
    let signs_from = now.plus(OVERLAP);
    let old = store.keys().await?;
    let made = make(store, sealer, issuer, now, signs_from).await?;
    for record in old.iter().filter(|record| record.alg == ALG && record.retired_at.is_none()) {
        store.retire_key(&record.kid, signs_from, signs_from.plus(OVERLAP)).await?;
    }
    Ok((made, signs_from))
}

async fn make(
    store: &Store,
    sealer: &Sealer,
    issuer: &str,
    now: Timestamp,
    signs_from: Timestamp,
) -> Result<String, KeysError> {
    // Two threads' work of a tenth of a second, once in the life of a key.
    let pkcs8 = Signer::generate(KeyKind::Rsa2048)?;
    let signer = Signer::self_signed(&pkcs8, &common_name(issuer))?;
    let certificate = signer.certificate();
    let kid = format!("saml-{}", URL_SAFE_NO_PAD.encode(&digest(&SHA256, certificate.der()).as_ref()[..16]));
    let record = KeyRecord {
        kid: kid.clone(),
        alg: ALG.to_owned(),
        sealed: sealer.seal_bytes(Purpose::SamlKey, &pack(&pkcs8, certificate.der()))?,
        created_at: now,
        signs_from,
        retired_at: None,
        published_until: None,
    };
    store.put_key(record).await?;
    Ok(kid)
}

/// The host: what people see who look at the certificate.
fn common_name(issuer: &str) -> String {
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
    known: &[(KeyRecord, Signer)],
) -> Result<Vec<(KeyRecord, Signer)>, KeysError> {
    let mut keys = Vec::new();
    for record in store.keys().await?.into_iter().filter(|record| record.alg == ALG) {
        let parsed = known.iter().find(|(other, _)| other.kid == record.kid).map(|(_, signer)| signer.clone());
        let signer = match parsed {
            Some(signer) => signer,
            None => open(sealer, &record)?,
        };
        keys.push((record, signer));
    }
    Ok(keys)
}

fn open(sealer: &Sealer, record: &KeyRecord) -> Result<Signer, KeysError> {
    let sealed = || KeysError::Sealed { kid: record.kid.clone() };
    let packed = sealer.open_bytes(Purpose::SamlKey, &record.sealed).map_err(|_| sealed())?;
    let (pkcs8, certificate) = unpack(&packed).ok_or_else(sealed)?;
    Ok(Signer::from_pkcs8(pkcs8, Certificate::from_der(certificate)?)?)
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
