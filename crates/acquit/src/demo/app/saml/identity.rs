//! Who the service provider is: its key, made at the start, and what its metadata says.

use std::net::SocketAddr;

use super::Saml;
use crate::demo::{app::error::AppError, kind::Kind};
use acquit_core::AppId;
use acquit_oidc::client::SingleLogout;
use acquit_saml::{
    BuildError, Error,
    metadata::{Peer, SpDescription},
    names::FORMAT_PERSISTENT,
    security::{KeyKind, Signer},
};
use acquit_server::{
    clock::{Clock, SystemClock},
    settings::{
        SamlApplication,
        saml::{AttributeSource, Source},
    },
};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

/// The attribute that names people to the application.
pub(super) const DISPLAY_NAME: &str = "displayName";

/// Why there is no service provider. Nobody can do anything about it but report it.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Its key or its metadata cannot be made.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Its own metadata cannot be read.
    #[error(transparent)]
    Metadata(#[from] Error),
}

/// A service provider towards others.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(super) signer: Signer,
    pub(super) entity_id: String,
    pub(super) acs: String,
    pub(super) slo: String,
    pub(super) soap: String,
}

impl Identity {
    /// One with a fresh key. `back` is where its SOAP endpoint is: an address, since the server's resolver need not know
    /// names under `localhost`.
    pub(crate) fn new(kind: Kind, origin: &str, back: SocketAddr) -> Result<Self, IdentityError> {
        Ok(Self {
            signer: Signer::self_signed(&Signer::generate(KeyKind::P256)?, kind.id)?,
            entity_id: format!("{origin}/saml/metadata"),
            acs: format!("{origin}/saml/acs"),
            slo: format!("{origin}/saml/slo"),
            soap: format!("http://{back}/saml/slo/soap"),
        })
    }

    fn metadata(&self) -> Result<String, BuildError> {
        let description = SpDescription {
            entity_id: &self.entity_id,
            signing: std::slice::from_ref(self.signer.certificate()),
            encryption: &[],
            acs: &self.acs,
            slo: &self.slo,
            slo_soap: Some(&self.soap),
            name_id_formats: &[FORMAT_PERSISTENT],
        };
        description.to_xml(None)
    }

    /// Its registration at the identity provider: what an operator writes who has its metadata in a file.
    pub(crate) fn registration(&self, kind: Kind) -> Result<SamlApplication, IdentityError> {
        let peer = Peer::from_metadata(self.metadata()?.as_bytes(), None, None, SystemClock.now())?;
        Ok(SamlApplication {
            app: AppId::new(kind.id),
            name: kind.name.to_owned(),
            key: None,
            source: Source::Given(Box::new(peer.sp.ok_or(Error::NoEntity)?)),
            slo_binding: None,
            session_index_required: true,
            slo_frame: false,
            single_logout: SingleLogout::Session,
            name_id: None,
            attributes: vec![(DISPLAY_NAME.to_owned(), AttributeSource::Name)],
            encrypt_assertions: false,
            tell_on_expiry: true,
        })
    }
}

/// `GET /saml/metadata`.
pub(super) async fn show(State(app): State<Saml>) -> Result<Response, AppError> {
    let document = app.own.metadata()?;
    Ok(([(header::CONTENT_TYPE, "application/samlmetadata+xml")], document).into_response())
}
