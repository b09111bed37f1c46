//! How a connection that was made through the API is kept: its provider as JSON, and apart from it its secret, sealed.
//!
//! The outer name says how the provider is spoken to, so that other protocols can stand beside OpenID Connect. What this program
//! cannot read is not used.

use std::{collections::BTreeMap, sync::Arc};

use acquit_core::ConnectionId;
use acquit_oidc::jose::Algorithm;
use acquit_saml::{
    metadata::{Endpoint, IdentityProvider, Role},
    names::HTTP_REDIRECT,
    security::Certificate,
};
use acquit_store::management::ConnectionRecord;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    seal::{Purpose, SealError, Sealer},
    settings::{
        Connection, Secret,
        broker::{AttributeMap, Authentication, Frames, IdpLogout, OidcProvider, SamlProvider, UpstreamProvider},
        saml::{Document, Source},
    },
};

/// What is kept of a connection beside its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The provider.
    pub provider: StoredProvider,
    /// What becomes of its claims.
    #[serde(default)]
    pub attributes: StoredAttributes,
}

/// A provider without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredProvider {
    /// By OpenID Connect.
    Oidc(StoredOidc),
    /// By SAML.
    Saml(StoredSaml),
}

/// A SAML identity provider. It has no secret of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSaml {
    /// Its name, for good: people are known by the names that it gives them.
    pub entity_id: String,
    /// Where the rest is said.
    pub source: StoredSource,
}

/// Where it is said how a SAML identity provider is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredSource {
    /// In its metadata at this URL, which is fetched and refreshed.
    MetadataUrl(String),
    /// Here.
    ByHand {
        /// Where AuthnRequests go, by HTTP-Redirect.
        sso_url: String,
        /// Its certificates, as base64 of DER.
        certificates: Vec<String>,
    },
}

impl StoredSaml {
    /// The provider; none when a certificate cannot be read.
    #[must_use]
    pub fn provider(self) -> Option<SamlProvider> {
        let Self { entity_id, source } = self;
        let source = match source {
            StoredSource::MetadataUrl(url) => {
                Source::Url(Document { url, entity_id: Some(entity_id), signed_by: None })
            }
            StoredSource::ByHand { sso_url, certificates } => {
                let signing = certificates.iter().map(|text| Certificate::from_text(text).ok());
                Source::Given(Box::new(IdentityProvider {
                    entity_id,
                    role: Role { signing: signing.collect::<Option<_>>()?, ..Role::default() },
                    single_sign_on: vec![Endpoint::new(HTTP_REDIRECT, &sso_url)],
                    want_authn_requests_signed: true,
                }))
            }
        };
        Some(SamlProvider { source, slo_binding: None, name_id: None })
    }
}

/// An OpenID provider without our secret there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOidc {
    /// Its issuer, to the letter.
    pub issuer: String,
    /// Our `client_id` there.
    pub client_id: String,
    /// How we prove who we are.
    pub authentication: Method,
    /// The algorithm of its ID tokens.
    pub algorithm: String,
    /// Whether claims are also asked from its userinfo endpoint.
    pub userinfo: bool,
}

/// How we prove who we are to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The secret in the `Authorization` header.
    ClientSecretBasic,
    /// The secret in the body.
    ClientSecretPost,
    /// A JWT made with the secret.
    ClientSecretJwt,
    /// A JWT signed with our own key, by RS256.
    PrivateKeyJwt,
}

impl Method {
    /// The method of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "client_secret_basic" => Some(Self::ClientSecretBasic),
            "client_secret_post" => Some(Self::ClientSecretPost),
            "client_secret_jwt" => Some(Self::ClientSecretJwt),
            "private_key_jwt" => Some(Self::PrivateKeyJwt),
            _ => None,
        }
    }
}

/// Which claims become what of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredAttributes {
    /// The claim with the person's address.
    pub email: Option<String>,
    /// The claim with the given name.
    pub first_name: Option<String>,
    /// The claim with the family name.
    pub last_name: Option<String>,
    /// The claim with the groups.
    pub groups: Option<String>,
    /// Custom attributes, and the claims that they come from.
    pub custom: BTreeMap<String, String>,
}

/// A secret with what it belongs to: in another row it opens nothing.
#[derive(Serialize, Deserialize)]
struct Sealed {
    connection: String,
    issuer: String,
    secret: String,
}

/// Seals our secret at a provider for the store.
///
/// # Errors
/// [`SealError::Unsealable`].
pub fn seal(sealer: &Sealer, id: &ConnectionId, issuer: &str, secret: &Secret) -> Result<Vec<u8>, SealError> {
    let sealed = Sealed { connection: id.to_string(), issuer: issuer.to_owned(), secret: secret.expose().to_owned() };
    let plain = Zeroizing::new(serde_json::to_vec(&sealed).map_err(|_| SealError::Unsealable)?);
    sealer.seal_bytes(Purpose::ConnectionSecret, &plain)
}

/// Opens it, if it is of this connection and this issuer.
#[must_use]
pub fn open(sealer: &Sealer, id: &ConnectionId, issuer: &str, sealed: &[u8]) -> Option<Secret> {
    let plain = sealer.open_bytes(Purpose::ConnectionSecret, sealed).ok()?;
    let opened: Sealed = serde_json::from_slice(&plain).ok()?;
    (opened.connection == id.as_str() && opened.issuer == issuer).then(|| Secret::new(opened.secret))
}

impl Stored {
    /// As a record holds it; none when a newer program wrote it.
    #[must_use]
    pub fn of(record: &ConnectionRecord) -> Option<Self> {
        serde_json::from_str(&record.options).ok()
    }

    /// The connection that a record is; none when it cannot be read, or its secret was sealed under another master key.
    #[must_use]
    pub fn connection(sealer: &Sealer, record: &ConnectionRecord) -> Option<Arc<Connection>> {
        let stored = Self::of(record)?;
        let provider = match stored.provider {
            StoredProvider::Oidc(oidc) => UpstreamProvider::Oidc(openid(sealer, record, oidc)?),
            StoredProvider::Saml(saml) => UpstreamProvider::Saml(saml.provider()?),
        };
        let attributes = stored.attributes;
        Some(Arc::new(Connection {
            id: record.id.clone(),
            organization: Some(record.organization.clone()),
            name: record.name.clone(),
            external_key: record.external_key.clone(),
            connection_type: record.connection_type.clone(),
            provider,
            propagate: true,
            idp_logout: IdpLogout::Act,
            frames: Frames::Named,
            revalidate: None,
            attributes: AttributeMap {
                id: None,
                email: attributes.email,
                first_name: attributes.first_name,
                last_name: attributes.last_name,
                groups: attributes.groups,
                custom: attributes.custom.into_iter().collect(),
                group_names: Vec::new(),
            },
        }))
    }
}

/// The OpenID provider of a record.
fn openid(sealer: &Sealer, record: &ConnectionRecord, oidc: StoredOidc) -> Option<OidcProvider> {
    let secret = || open(sealer, &record.id, &oidc.issuer, record.sealed.as_deref()?);
    let authentication = match oidc.authentication {
        Method::ClientSecretBasic => Authentication::Basic(secret()?),
        Method::ClientSecretPost => Authentication::Post(secret()?),
        Method::ClientSecretJwt => Authentication::SecretJwt(secret()?),
        Method::PrivateKeyJwt => Authentication::PrivateKeyJwt(Algorithm::Rs256),
    };
    Some(OidcProvider {
        algorithm: Algorithm::parse(&oidc.algorithm)?,
        authentication,
        scopes: ["openid", "profile", "email"].map(str::to_owned).into(),
        userinfo: oidc.userinfo,
        client_id: oidc.client_id,
        issuer: oidc.issuer,
        prompt: None,
        parameters: Vec::new(),
        shared_callback: false,
    })
}

#[cfg(test)]
mod tests {
    use acquit_core::{OrganizationId, Timestamp};

    use super::*;
    use crate::settings::MasterKey;

    fn record(sealer: &Sealer, issuer: &str) -> ConnectionRecord {
        let id = ConnectionId::from_random([1; 16]);
        let stored = Stored {
            provider: StoredProvider::Oidc(StoredOidc {
                issuer: "https://idp.example".to_owned(),
                client_id: "acquit".to_owned(),
                authentication: Method::ClientSecretPost,
                algorithm: "ES256".to_owned(),
                userinfo: true,
            }),
            attributes: StoredAttributes::default(),
        };
        ConnectionRecord {
            sealed: Some(seal(sealer, &id, issuer, &Secret::new("s".to_owned())).unwrap()),
            id,
            organization: OrganizationId::from_random([2; 16]),
            name: "Example".to_owned(),
            connection_type: "GenericOIDC".to_owned(),
            external_id: None,
            external_key: "key".to_owned(),
            active: true,
            options: serde_json::to_string(&stored).unwrap(),
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    #[test]
    fn a_connection_that_cannot_be_read_to_the_letter_is_none() {
        let sealer = Sealer::new(&MasterKey::from_bytes([1; 32])).unwrap();
        let good = record(&sealer, "https://idp.example");
        let read = Stored::connection(&sealer, &good).unwrap();
        let oidc = read.oidc().unwrap();
        assert!(matches!(&oidc.authentication, Authentication::Post(secret) if secret.expose() == "s"));
        assert_eq!((oidc.issuer.as_str(), oidc.algorithm), ("https://idp.example", Algorithm::Es256));

        let other = Sealer::new(&MasterKey::from_bytes([2; 32])).unwrap();
        assert!(Stored::connection(&other, &good).is_none(), "another master key");
        let swapped = record(&sealer, "https://evil.example");
        assert!(Stored::connection(&sealer, &swapped).is_none(), "a secret for another provider");
        let moved = ConnectionRecord { id: ConnectionId::from_random([3; 16]), ..good.clone() };
        assert!(Stored::connection(&sealer, &moved).is_none(), "a secret of another row");
        for options in ["{}", "x", r#"{"provider":{"saml":{}}}"#] {
            let newer = ConnectionRecord { options: options.to_owned(), ..good.clone() };
            assert!(Stored::connection(&sealer, &newer).is_none(), "{options}");
        }
    }
}
