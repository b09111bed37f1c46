//! What a call says of a SAML identity provider, and what becomes of it.

use acquit_core::ConnectionId;
use acquit_oidc::uri;
use acquit_saml::{metadata::IdentityProvider, security::Certificate};
use serde_json::Value;

use crate::{
    App,
    broker::{
        body::Body,
        error::Failure,
        saml::{acs_path, entity_id},
        stored::{StoredSaml, StoredSource},
    },
    saml::fetch,
    settings::saml::Document,
};

/// The longest entity ID, in bytes (SAML Core section 8.3.6).
const MAX_ENTITY_ID: usize = 1024;
/// The most certificates of a provider: its own, and those that are to follow.
const MAX_CERTIFICATES: usize = 8;

/// `saml_options`, as they were sent: what is absent stays as it is.
#[derive(Default)]
pub(super) struct Asked {
    metadata_url: Option<String>,
    entity_id: Option<String>,
    sso_url: Option<String>,
    certificates: Option<Vec<String>>,
}

/// A provider, and its metadata where that was fetched.
pub(super) type Found = (StoredSaml, Option<IdentityProvider>);

fn invalid(message: &str) -> Failure {
    Failure::invalid(format!("saml_options.{message}"))
}

impl Asked {
    /// Reads them. `connection` is whose they are, once there is one.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub(super) fn read(app: &App, mut body: Body, connection: Option<&ConnectionId>) -> Result<Self, Failure> {
        let us = app.issuer();
        for (name, ours) in [
            ("acs_url", connection.map(|id| format!("{us}{}", acs_path(id)))),
            ("sp_entity_id", connection.map(|id| entity_id(us, id))),
        ] {
            if body.some_text(name)?.is_some_and(|asked| Some(asked) != ours) {
                return Err(invalid(&format!(
                    "{name} is ours to choose; leave it out, and register that of logout_setup"
                )));
            }
        }
        let metadata_url = body.some_text("idp_metadata_url")?;
        let entity_id = body.some_text("idp_entity_id")?;
        let sso_url = body.some_text("idp_sso_url")?;
        let certificates =
            body.list("idp_signing_certs", MAX_CERTIFICATES)?.map(|list| list.iter().map(certificate).collect());
        let certificates: Option<Vec<String>> = certificates.transpose()?;
        body.done()?;
        for (name, url) in [("idp_metadata_url", &metadata_url), ("idp_sso_url", &sso_url)] {
            if let Some(url) = url {
                uri::check(url, uri::Purpose::Http).map_err(|why| invalid(&format!("{name} {why}")))?;
            }
        }
        if entity_id.as_ref().is_some_and(|id| id.len() > MAX_ENTITY_ID) {
            return Err(invalid("idp_entity_id is too long"));
        }
        if certificates.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid("idp_signing_certs are none, so nothing that it says could be believed"));
        }
        if metadata_url.is_some() && (entity_id.is_some() || sso_url.is_some() || certificates.is_some()) {
            return Err(invalid(
                "idp_metadata_url says all of it; leave idp_entity_id, idp_sso_url and idp_signing_certs out",
            ));
        }
        Ok(Self { metadata_url, entity_id, sso_url, certificates })
    }

    /// The provider, of what is asked and known. It stays the same one: people are known by the names that it gives them, and
    /// another one might give theirs to others.
    ///
    /// # Errors
    /// [`Failure::Invalid`], also for metadata that cannot be used.
    pub(super) async fn provider(self, app: &App, known: Option<&StoredSaml>) -> Result<Found, Failure> {
        if let Some(url) = self.metadata_url {
            let idp = described(app, &url, known.map(|known| known.entity_id.clone())).await?;
            return Ok((
                StoredSaml { entity_id: idp.entity_id.clone(), source: StoredSource::MetadataUrl(url) },
                Some(idp),
            ));
        }
        let Self { entity_id, sso_url, certificates, .. } = self;
        let need = |name: &str| invalid(&format!("{name} is required, or idp_metadata_url instead of all"));
        let entity_id = match (entity_id, known) {
            (Some(id), Some(known)) if id != known.entity_id => {
                return Err(invalid("idp_entity_id is another provider's; make a new connection for it"));
            }
            (_, Some(known)) => known.entity_id.clone(),
            (id, None) => id.ok_or_else(|| need("idp_entity_id"))?,
        };
        let (known_url, known_certificates) = match known.map(|known| &known.source) {
            // Nothing to be changed.
            Some(source @ StoredSource::MetadataUrl(_)) if sso_url.is_none() && certificates.is_none() => {
                return Ok((StoredSaml { entity_id, source: source.clone() }, None));
            }
            Some(StoredSource::ByHand { sso_url, certificates }) => (Some(sso_url.clone()), Some(certificates.clone())),
            Some(StoredSource::MetadataUrl(_)) | None => (None, None),
        };
        let sso_url = sso_url.or(known_url).ok_or_else(|| need("idp_sso_url"))?;
        let certificates = certificates.or(known_certificates).ok_or_else(|| need("idp_signing_certs"))?;
        Ok((StoredSaml { entity_id, source: StoredSource::ByHand { sso_url, certificates } }, None))
    }
}

/// A certificate as people paste it, as base64 alone.
fn certificate(text: &Value) -> Result<String, Failure> {
    let read = text.as_str().and_then(|text| Certificate::from_text(text).ok());
    read.map(|certificate| certificate.base64()).ok_or_else(|| invalid("idp_signing_certs must be X.509 certificates"))
}

/// The provider that the metadata at an address describes. What lies behind an address that we may not or cannot reach is not
/// told.
async fn described(app: &App, url: &str, entity_id: Option<String>) -> Result<IdentityProvider, Failure> {
    let useless = match entity_id {
        None => "idp_metadata_url cannot be read, or describes no identity provider that people could sign in by",
        Some(_) => "idp_metadata_url cannot be read, or is another provider's; make a new connection for that",
    };
    let document = Document { url: url.to_owned(), entity_id, signed_by: None };
    let idp = fetch::identity_provider(app, &document).await.map_err(|why| {
        tracing::warn!(url, why, "metadata that somebody sent the address of cannot be used");
        invalid(useless)
    })?;
    let sign_on = idp.sign_on().map(|endpoint| endpoint.location.as_str()).unwrap_or_default();
    uri::check(sign_on, uri::Purpose::Http).map_err(|_| invalid(useless))?;
    Ok(idp)
}
