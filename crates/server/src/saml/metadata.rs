//! `/saml/metadata`: what applications must know of this identity provider.

use acquit_saml::metadata::IdpDescription;
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::artifact;
use crate::{App, door::DoorError, settings::saml::NameIdKind};

/// The media type of metadata (Metadata section 4.1.1).
pub const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/samlmetadata+xml");

/// `GET /saml/metadata`.
pub async fn show(State(app): State<App>) -> Result<Response, DoorError> {
    let base = app.issuer().to_owned();
    document(&app, &format!("{base}/saml/sso"), &format!("{base}/saml/slo"))
}

/// The document, with these addresses for a browser's messages.
///
/// # Errors
/// [`DoorError::Internal`] when it cannot be written.
pub(super) fn document(app: &App, sso: &str, slo: &str) -> Result<Response, DoorError> {
    let signing = app.saml_keys.certificates(app.clock.now());
    let encryption: Vec<_> = app.saml_keys.recipient(app.clock.now()).into_iter().collect();
    let formats = NameIdKind::ALL.map(NameIdKind::format);
    let entity_id = app.entity_id();
    let description = IdpDescription {
        entity_id: &entity_id,
        signing: &signing,
        encryption: &encryption,
        sso,
        slo,
        slo_soap: &format!("{}/saml/slo/soap", app.issuer()),
        artifact: Some(&format!("{}{}", app.issuer(), artifact::PATH)),
        name_id_formats: &formats,
    };
    let xml = description.to_xml(None).map_err(|error| DoorError::Internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], xml).into_response())
}
