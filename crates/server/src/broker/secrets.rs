//! What is kept sealed of a sign-in at an identity provider: its tokens, and how they are given back. A connection that is
//! gone from the configuration still owes that.

use acquit_core::{ConnectionId, Timestamp, UpstreamId, upstream::TokenKind};
use acquit_oidc::{
    jose::Algorithm,
    rp::client::{AssertionAudience, ClientAuth, RpClient},
};
use acquit_store::{Store, StoreError, upstream::Tombstone};
use serde::{Deserialize, Serialize};

use crate::{
    keys::Keys,
    random::{self, NoRandomness},
    seal::{Purpose, SealError, Sealer},
    settings::{
        Secret,
        broker::{Authentication, OidcProvider},
    },
};

/// The secrets of one sign-in.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// The provider.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    authentication: Kept,
    /// The ID token, which names the session when the browser ends it.
    pub id_token: Option<String>,
    access_token: Option<String>,
    refresh_token: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
enum Kept {
    Basic(String),
    Post(String),
    SecretJwt(String),
    PrivateKeyJwt(String),
    None,
}

/// The tokens of an answer, as they are to be kept.
pub struct NewTokens<'a> {
    /// The ID token.
    pub id_token: Option<&'a str>,
    /// The access token.
    pub access_token: Option<&'a str>,
    /// The refresh token.
    pub refresh_token: Option<&'a str>,
}

impl Secrets {
    /// Those of a sign-in at a provider.
    #[must_use]
    pub fn new(oidc: &OidcProvider, tokens: &NewTokens<'_>) -> Self {
        let authentication = match &oidc.authentication {
            Authentication::Basic(secret) => Kept::Basic(secret.expose().to_owned()),
            Authentication::Post(secret) => Kept::Post(secret.expose().to_owned()),
            Authentication::SecretJwt(secret) => Kept::SecretJwt(secret.expose().to_owned()),
            Authentication::PrivateKeyJwt(alg) => Kept::PrivateKeyJwt(alg.as_str().to_owned()),
            Authentication::None => Kept::None,
        };
        let owned = |token: Option<&str>| token.map(str::to_owned);
        Self {
            issuer: oidc.issuer.clone(),
            client_id: oidc.client_id.clone(),
            authentication,
            id_token: owned(tokens.id_token),
            access_token: owned(tokens.access_token),
            refresh_token: owned(tokens.refresh_token),
        }
    }

    /// Seals them for the store.
    ///
    /// # Errors
    /// [`SealError::Unsealable`].
    pub fn seal(&self, sealer: &Sealer) -> Result<Vec<u8>, SealError> {
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(self).map_err(|_| SealError::Unsealable)?);
        sealer.seal_bytes(Purpose::UpstreamTokens, &plain)
    }

    /// Those of a sign-in in the store; none when there is no such sign-in any more, or the master key is another.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(store: &Store, sealer: &Sealer, id: &UpstreamId) -> Result<Option<Self>, StoreError> {
        Ok(store.upstream_secrets(id).await?.and_then(|sealed| Self::open(sealer, &sealed)))
    }

    /// Opens what [`Secrets::seal`] sealed; none when it was wiped, or the master key is another.
    #[must_use]
    pub fn open(sealer: &Sealer, sealed: &[u8]) -> Option<Self> {
        let plain = sealer.open_bytes(Purpose::UpstreamTokens, sealed).ok();
        plain.and_then(|plain| serde_json::from_slice(&plain).ok())
    }

    /// The same sign-in with the tokens of a refresh. A provider that gives no new refresh token goes on with the old one
    /// (RFC 6749 section 6). The ID token stays: it names the session there.
    #[must_use]
    pub fn renewed(&self, access_token: &str, refresh_token: Option<&str>) -> Self {
        Self {
            access_token: Some(access_token.to_owned()),
            refresh_token: refresh_token.map(str::to_owned).or_else(|| self.refresh_token.clone()),
            ..self.clone()
        }
    }

    /// A token of it.
    #[must_use]
    pub fn token(&self, kind: TokenKind) -> Option<&str> {
        match kind {
            TokenKind::Access => self.access_token.as_deref(),
            TokenKind::Refresh => self.refresh_token.as_deref(),
        }
    }

    /// How we proved who we are when this was written; `current` is the way that is configured now, if the connection is
    /// still there: a changed secret is good for old tokens too.
    #[must_use]
    pub fn authentication(&self, current: Option<&OidcProvider>) -> Authentication {
        if let Some(oidc) = current.filter(|oidc| oidc.issuer == self.issuer && oidc.client_id == self.client_id) {
            return oidc.authentication.clone();
        }
        match &self.authentication {
            Kept::Basic(secret) => Authentication::Basic(Secret::new(secret.clone())),
            Kept::Post(secret) => Authentication::Post(Secret::new(secret.clone())),
            Kept::SecretJwt(secret) => Authentication::SecretJwt(Secret::new(secret.clone())),
            Kept::PrivateKeyJwt(alg) => {
                Algorithm::parse(alg).map_or(Authentication::None, Authentication::PrivateKeyJwt)
            }
            Kept::None => Authentication::None,
        }
    }
}

/// Why we cannot prove who we are.
#[derive(Debug, thiserror::Error)]
pub enum NoProof {
    /// There is no key of the algorithm that the provider knows us by.
    #[error("there is no {0} key to sign with")]
    NoKey(&'static str),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// Makes a request to a provider in our name.
///
/// # Errors
/// [`NoProof`].
pub fn as_client<T>(
    keys: &Keys,
    client_id: &str,
    authentication: &Authentication,
    now: Timestamp,
    make: impl FnOnce(&RpClient<'_>) -> T,
) -> Result<T, NoProof> {
    let client = |auth| RpClient { id: client_id, auth };
    let audience = AssertionAudience::Issuer;
    Ok(match authentication {
        Authentication::Basic(secret) => make(&client(ClientAuth::Basic { secret: secret.expose() })),
        Authentication::Post(secret) => make(&client(ClientAuth::Post { secret: secret.expose() })),
        Authentication::None => make(&client(ClientAuth::None)),
        Authentication::SecretJwt(secret) => {
            let (secret, jti) = (secret.expose(), random::secret()?);
            make(&client(ClientAuth::SecretJwt { secret, audience, jti: &jti, now }))
        }
        Authentication::PrivateKeyJwt(alg) => {
            let signer = keys.signing(*alg, now).ok_or(NoProof::NoKey(alg.as_str()))?;
            let jti = random::secret()?;
            make(&client(ClientAuth::PrivateKeyJwt { key: &signer.key, audience, jti: &jti, now }))
        }
    })
}

/// The hash under which a provider's name for one of its sessions is remembered, when its logout overtook its sign-in.
#[must_use]
pub fn grave(connection: &ConnectionId, sid: &str) -> acquit_store::Hash {
    random::hash(&format!("{connection}\0{sid}"))
}

/// The hash under which the end of all of a person's sign-ins is remembered.
#[must_use]
pub fn grave_of_person(connection: &ConnectionId, subject: &str) -> acquit_store::Hash {
    random::hash(&format!("{connection}\0person\0{subject}"))
}

/// What is remembered of a session that a provider ended before it was known here. A `sid` is never given again.
#[must_use]
pub fn tombstone(connection: &ConnectionId, sid: &str, until: Timestamp) -> Tombstone {
    Tombstone { name: grave(connection, sid), ended_at: None, until }
}
