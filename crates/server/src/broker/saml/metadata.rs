//! `/sso/saml/metadata/{connection}`: what an identity provider must know of us as its service provider. It is public, as the
//! keys in it are; the ids of connections stand in addresses that browsers see anyway.

use acquit_saml::metadata::SpDescription;
use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};

use super::{acs_path, entity_id, slo_path};
use crate::{
    App,
    door::DoorError,
    saml::metadata::MEDIA_TYPE,
    settings::{Connection, saml::NameIdKind},
};

/// `GET`.
pub async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Response, DoorError> {
    let connection = super::connection(&app, &id)?;
    let xml = document(&app, &connection)?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], xml).into_response())
}

fn document(app: &App, connection: &Connection) -> Result<String, DoorError> {
    let now = app.clock.now();
    let encryption: Vec<_> = app.saml_keys.recipient(now).into_iter().collect();
    let wanted = connection.saml().and_then(|saml| saml.name_id);
    // What is listed first is what a provider gives that is not asked. A transient name says who nobody is the next time.
    let default = [NameIdKind::Persistent, NameIdKind::Email, NameIdKind::Username];
    let formats: Vec<_> = match &wanted {
        Some(wanted) => vec![wanted.format()],
        None => default.map(NameIdKind::format).into(),
    };
    let slo = format!("{}{}", app.issuer(), slo_path(&connection.id));
    let description = SpDescription {
        entity_id: &entity_id(app.issuer(), &connection.id),
        signing: &app.saml_keys.certificates(now),
        encryption: &encryption,
        acs: &format!("{}{}", app.issuer(), acs_path(&connection.id)),
        slo: &slo,
        slo_soap: Some(&slo),
        name_id_formats: &formats,
    };
    description.to_xml(None).map_err(|error| DoorError::Internal(error.to_string()))
}
