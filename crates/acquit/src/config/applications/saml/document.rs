//! Metadata documents: read, or what is wrong with them in words.

use acquit_saml::metadata::{Peer, ServiceProvider};

use super::now;

/// Why a metadata document cannot be used. Its application's people must act, or who chose the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is about an identity provider.
    IdentityProvider,
    /// It does not have the one service provider that is meant.
    NoEntity,
    /// It has ended.
    Expired,
    /// It is no metadata.
    Broken(acquit_saml::Error),
}

impl Unusable {
    /// What is wrong with the document at `place`.
    #[must_use]
    pub fn words(&self, place: &str) -> String {
        match self {
            Self::IdentityProvider => format!("{place} describes an identity provider, not a service provider"),
            Self::NoEntity => format!("{place} has no service provider of that name, or several"),
            Self::Expired => format!("the metadata in {place} has expired (validUntil)"),
            Self::Broken(error) => format!("the metadata in {place} cannot be used: {error}"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoEntity => Some("name the one that is meant in `entity_id`"),
            Self::Expired => Some("get it anew from the application, or name its `url` so that it is refreshed"),
            Self::IdentityProvider | Self::Broken(_) => None,
        }
    }
}

/// The service provider that a metadata document describes; the one of that name where there are several.
///
/// # Errors
/// [`Unusable`].
pub fn read_metadata(bytes: &[u8], entity_id: Option<&str>) -> Result<ServiceProvider, Unusable> {
    match Peer::from_metadata(bytes, entity_id, None, now()) {
        Ok(Peer { sp, .. }) => sp.ok_or(Unusable::IdentityProvider),
        Err(acquit_saml::Error::NoEntity) => Err(Unusable::NoEntity),
        Err(acquit_saml::Error::Time) => Err(Unusable::Expired),
        Err(error) => Err(Unusable::Broken(error)),
    }
}
