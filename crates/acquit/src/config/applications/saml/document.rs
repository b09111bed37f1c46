//! Metadata documents: where they are, read, or what is wrong with them in words.

use std::fs;

use acquit_delivery::egress::Policy;
use acquit_saml::{
    METADATA_BYTES,
    metadata::{IdentityProvider, Peer, ServiceProvider},
};
use acquit_server::settings::saml::{Document, Source};

use super::{MetadataText, now, read_certificate};
use crate::config::{context::Context, diagnostic::quoted, egress::check_reachable, path::Path};

/// A role that metadata describes.
pub trait Role: Sized {
    /// What is wrong with metadata of the other role alone.
    const OTHER: Unusable;

    /// The role of this party, if it has it.
    fn of(peer: Peer) -> Option<Self>;
}

impl Role for ServiceProvider {
    const OTHER: Unusable = Unusable::IdentityProvider;

    fn of(peer: Peer) -> Option<Self> {
        peer.sp
    }
}

impl Role for IdentityProvider {
    const OTHER: Unusable = Unusable::ServiceProvider;

    fn of(peer: Peer) -> Option<Self> {
        peer.idp
    }
}

/// Why a metadata document cannot be used. Its party's people must act, or who chose the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is about an identity provider.
    IdentityProvider,
    /// It is about a service provider.
    ServiceProvider,
    /// It does not have the one entity that is meant.
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
            Self::ServiceProvider => format!("{place} describes a service provider, not an identity provider"),
            Self::NoEntity => format!("{place} has no entity of that name, or several"),
            Self::Expired => format!("the metadata in {place} has expired (validUntil)"),
            Self::Broken(error) => format!("the metadata in {place} cannot be used: {error}"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoEntity => Some("name the one that is meant in `entity_id`"),
            Self::Expired => Some("get it anew, or name its `url` so that it is refreshed"),
            Self::IdentityProvider | Self::ServiceProvider | Self::Broken(_) => None,
        }
    }
}

/// The party in this role that a metadata document describes; the one of that name where there are several.
///
/// # Errors
/// [`Unusable`].
pub fn read_metadata<R: Role>(bytes: &[u8], entity_id: Option<&str>) -> Result<R, Unusable> {
    match Peer::from_metadata(bytes, entity_id, None, now()) {
        Ok(peer) => R::of(peer).ok_or(R::OTHER),
        Err(acquit_saml::Error::NoEntity) => Err(Unusable::NoEntity),
        Err(acquit_saml::Error::Time) => Err(Unusable::Expired),
        Err(error) => Err(Unusable::Broken(error)),
    }
}

/// Where metadata is, as it is written; `path` is its place in the file.
pub(in crate::config) fn source<R: Role>(
    cx: &mut Context<'_>,
    path: &Path,
    text: MetadataText,
    entity_id: Option<String>,
    policy: &Policy,
) -> Option<Source<R>> {
    match text {
        MetadataText { file: Some(file), url: None, certificate: None } => {
            let party = in_file(cx, &path.key("file"), &file, entity_id.as_deref())?;
            Some(Source::Given(Box::new(party)))
        }
        MetadataText { file: None, url: Some(url), certificate } => {
            check_reachable(cx, &path.key("url"), &url, policy);
            let signed_by = match certificate {
                Some(text) => Some(read_certificate(cx, &path.key("certificate"), text)?),
                None => None,
            };
            if signed_by.is_none() && url.starts_with("http:") {
                cx.warning(&path.key("url"), "metadata that is neither fetched by TLS nor signed proves nothing");
            }
            Some(Source::Url(Document { url, entity_id, signed_by }))
        }
        MetadataText { .. } => {
            cx.error(path, "metadata is in a file or at a URL, one of them; a `certificate` goes with a URL")
                .help("write { file = \"…\" } or { url = \"…\" }");
            None
        }
    }
}

fn in_file<R: Role>(cx: &mut Context<'_>, path: &Path, file: &str, entity_id: Option<&str>) -> Option<R> {
    let place = cx.base.join(file);
    let shown = quoted(&place.display().to_string());
    let bytes = match fs::metadata(&place).and_then(|about| {
        if about.len() > METADATA_BYTES as u64 {
            Err(std::io::ErrorKind::FileTooLarge.into())
        } else {
            fs::read(&place)
        }
    }) {
        Ok(bytes) => bytes,
        Err(error) => {
            cx.error(path, format!("the metadata file {shown} cannot be read: {error}"));
            return None;
        }
    };
    match read_metadata(&bytes, entity_id) {
        Ok(party) => Some(party),
        Err(unusable) => {
            let note = cx.error(path, unusable.words(&shown));
            if let Some(help) = unusable.help() {
                note.help(help);
            }
            None
        }
    }
}
