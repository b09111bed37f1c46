//! What a sample application knows of its provider, as any OIDC client does: by discovery.

use std::sync::{Arc, PoisonError, RwLock};

use acquit_core::Timestamp;
use acquit_oidc::jose::{Jwks, JwsError};
use http::{HeaderValue, StatusCode, header};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};
use url::Url;

use crate::demo::http::{Ask, HttpError, send};

/// A key set that was fetched less than this long ago is not fetched again for a key that it lacks.
const KEYS_STAND: std::time::Duration = std::time::Duration::from_secs(10);

/// Why the provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It does not answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It refuses.
    #[error("{0} answers {1}: {2}")]
    Refused(Url, StatusCode, String),
    /// It answers something else than it should.
    #[error("{0} does not answer as an identity provider does: {1}")]
    Nonsense(Url, String),
    /// Its metadata are another issuer's (OpenID Connect Discovery section 4.3).
    #[error("{0} names another issuer")]
    Issuer(Url),
}

/// The metadata that are used.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    #[serde(deserialize_with = "url")]
    pub(super) authorization_endpoint: Url,
    #[serde(deserialize_with = "url")]
    token_endpoint: Url,
    #[serde(deserialize_with = "url")]
    userinfo_endpoint: Url,
    #[serde(deserialize_with = "url")]
    jwks_uri: Url,
    #[serde(deserialize_with = "url")]
    pub(super) end_session_endpoint: Url,
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    Url::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// What the token endpoint answers.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) id_token: String,
    pub(super) access_token: String,
}

/// What the userinfo endpoint answers.
#[derive(Deserialize)]
pub(super) struct UserInfo {
    sub: String,
    pub(super) name: Option<String>,
}

/// The provider.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) metadata: Metadata,
    keys: RwLock<(Timestamp, Arc<Jwks>)>,
}

impl Provider {
    pub(super) async fn discover(issuer: &str, now: Timestamp) -> Result<Self, ProviderError> {
        let url = format!("{issuer}/.well-known/openid-configuration");
        let url = Url::parse(&url).map_err(|_| HttpError::Elsewhere(url))?;
        let metadata: Metadata = json(Ask::get(url.clone())).await?;
        if metadata.issuer != issuer {
            return Err(ProviderError::Issuer(url));
        }
        let keys = RwLock::new((now, Arc::new(fetch_keys(&metadata.jwks_uri).await?)));
        Ok(Self { metadata, keys })
    }

    /// Redeems a code.
    pub(super) async fn redeem(
        &self,
        credentials: &Credentials<'_>,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<Tokens, ProviderError> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let mut ask = Ask::post(self.metadata.token_endpoint.clone(), fields);
        ask.headers.insert(header::AUTHORIZATION, credentials.basic());
        json(ask).await
    }

    /// What the provider tells of the user. It must be the one of the ID token (OpenID Connect Core section 5.3.2).
    pub(super) async fn user(&self, access_token: &str, subject: &str) -> Result<UserInfo, ProviderError> {
        let url = &self.metadata.userinfo_endpoint;
        let mut ask = Ask::get(url.clone());
        let mut bearer = HeaderValue::from_str(&format!("Bearer {access_token}"))
            .map_err(|_| ProviderError::Nonsense(url.clone(), "an access token that cannot be sent".to_owned()))?;
        bearer.set_sensitive(true);
        ask.headers.insert(header::AUTHORIZATION, bearer);
        let user: UserInfo = json(ask).await?;
        if user.sub == subject {
            Ok(user)
        } else {
            Err(ProviderError::Nonsense(url.clone(), "it tells of another user".to_owned()))
        }
    }

    /// Checks a token with the provider's keys; with fresh ones if it was signed with one that is not known yet.
    pub(super) async fn with_keys<T, E>(
        &self,
        now: Timestamp,
        check: impl Fn(&Jwks) -> Result<T, E>,
        jws: impl Fn(&E) -> Option<JwsError>,
    ) -> Result<T, E> {
        let (fetched_at, keys) = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let result = check(&keys);
        let unknown = result.as_ref().err().and_then(jws) == Some(JwsError::UnknownKey);
        if !unknown || now.since(fetched_at) < KEYS_STAND {
            return result;
        }
        let Ok(fresh) = fetch_keys(&self.metadata.jwks_uri).await else { return result };
        let fresh = Arc::new(fresh);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = (now, fresh.clone());
        check(&fresh)
    }
}

async fn fetch_keys(url: &Url) -> Result<Jwks, ProviderError> {
    let answer = ok(Ask::get(url.clone())).await?;
    Jwks::parse(answer.as_bytes()).map_err(|error| ProviderError::Nonsense(url.clone(), error.to_string()))
}

pub(super) async fn json<T: DeserializeOwned>(ask: Ask) -> Result<T, ProviderError> {
    let url = ask.url.clone();
    let body = ok(ask).await?;
    serde_json::from_str(&body).map_err(|error| ProviderError::Nonsense(url, error.to_string()))
}

pub(super) async fn ok(ask: Ask) -> Result<String, ProviderError> {
    let url = ask.url.clone();
    let answer = send(ask).await?;
    if answer.status == StatusCode::OK {
        Ok(answer.body)
    } else {
        Err(ProviderError::Refused(url, answer.status, answer.body.chars().take(200).collect()))
    }
}

/// How a sample application proves itself at the token endpoint: `client_secret_basic`.
pub(super) struct Credentials<'a> {
    pub(super) client_id: &'a str,
    pub(super) secret: &'a str,
}

impl Credentials<'_> {
    fn basic(&self) -> HeaderValue {
        use base64::Engine;
        // RFC 6749 section 2.3.1: each is form-encoded first.
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(self.client_id), encode(self.secret));
        let value = format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair));
        let mut value = HeaderValue::from_str(&value).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}
