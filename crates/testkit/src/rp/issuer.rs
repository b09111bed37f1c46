//! The issuer as an application sees it: its metadata and its keys, fetched over HTTP, and the time.

use std::sync::{Arc, Mutex};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde_json::Value;

use super::lock;
use crate::wire;

/// The time in seconds since 1970.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The machine's clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "an application outside of Acquit has a clock of its own")]
pub fn system_clock() -> Now {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// An issuer.
#[derive(Clone)]
pub struct Issuer {
    url: String,
    now: Now,
    metadata: Arc<Mutex<Option<Value>>>,
    keys: Arc<Mutex<Option<JwkSet>>>,
    /// The key set as it came, for readers that take it apart themselves.
    document: Arc<Mutex<Vec<u8>>>,
}

impl Issuer {
    /// The issuer at this URL, with the clock that its tokens go by.
    #[must_use]
    pub fn new(url: &str, now: Now) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            now,
            metadata: Arc::default(),
            keys: Arc::default(),
            document: Arc::default(),
        }
    }

    /// Its URL, as in `iss`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The time in seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.now)()
    }

    /// One string of its metadata.
    ///
    /// # Errors
    /// Nobody answers, or the metadata lack it.
    pub async fn metadata(&self, name: &str) -> Result<String, String> {
        let known = lock(&self.metadata).clone();
        let metadata = match known {
            Some(metadata) => metadata,
            None => {
                let url = format!("{}/.well-known/openid-configuration", self.url);
                let response = wire::get(&url).await.map_err(|error| format!("{url}: {error}"))?;
                let metadata = wire::json(&response).map_err(|error| format!("{url}: {error}"))?;
                if metadata["issuer"] != self.url.as_str() {
                    return Err(format!("the metadata of {} are of {}", self.url, metadata["issuer"]));
                }
                lock(&self.metadata).replace(metadata.clone());
                metadata
            }
        };
        metadata[name].as_str().map(str::to_owned).ok_or_else(|| format!("the metadata have no {name}"))
    }

    /// The key of this id, fetched again when it is not known yet, as keys rotate.
    ///
    /// # Errors
    /// There is no such key.
    pub async fn key(&self, kid: &str) -> Result<Jwk, String> {
        let find = |keys: &Option<JwkSet>| keys.as_ref().and_then(|keys| keys.find(kid).cloned());
        let known = find(&lock(&self.keys));
        if let Some(key) = known {
            return Ok(key);
        }
        let url = self.metadata("jwks_uri").await?;
        let response = wire::get(&url).await.map_err(|error| format!("{url}: {error}"))?;
        let keys: JwkSet = serde_json::from_slice(response.body()).map_err(|error| format!("{url}: {error}"))?;
        let found = keys.find(kid).cloned();
        *lock(&self.document) = response.body().to_vec();
        lock(&self.keys).replace(keys);
        found.ok_or_else(|| format!("no key {kid} at {url}"))
    }

    /// The key set as it came when [`Issuer::key`] fetched it last.
    #[must_use]
    pub fn key_document(&self) -> Vec<u8> {
        lock(&self.document).clone()
    }
}
