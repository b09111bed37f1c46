//! Okta's paths: each application has its own, by its id and its key.

use std::sync::Arc;

use acquit_saml::message::Kind;
use axum::{
    Router,
    extract::{FromRequestParts, Path, Request, State},
    http::{HeaderMap, Uri, request::Parts},
    response::Response,
    routing::{MethodRouter, get},
};

use super::{metadata, party::Party, registry::Sp, slo, sso};
use crate::{App, door::DoorError, form::Address};

/// Okta's names for the doors.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/app/{app}/{key}/sso/saml", get(sign_in).post(sign_in_posted))
        .route("/app/{app}/{key}/sso/saml/metadata", get(describe))
        .route("/app/{app}/{key}/slo/saml", logout(&[Kind::LogoutRequest, Kind::LogoutResponse]))
        .route("/app/{app}/{key}/slo/saml/callback", logout(&[Kind::LogoutResponse]))
}

/// The application whose address this is, by both of its names.
struct Named(Arc<Sp>);

impl FromRequestParts<App> for Named {
    type Rejection = DoorError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, DoorError> {
        let path = Path::<(String, String)>::from_request_parts(parts, app).await;
        let Path((id, key)) = path.map_err(|_| DoorError::NotFound)?;
        app.clients.service_providers().by_key(&id, &key).map(Self).ok_or(DoorError::NotFound)
    }
}

async fn sign_in(
    State(app): State<App>,
    Named(sp): Named,
    Address(address): Address,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, DoorError> {
    sso::arrive(&app, &headers, &uri, &address, Some(&sp)).await
}

async fn sign_in_posted(
    State(app): State<App>,
    Named(sp): Named,
    Address(address): Address,
    request: Request,
) -> Result<Response, DoorError> {
    sso::posted(&app, request, &address, Some(&sp)).await
}

async fn describe(State(app): State<App>, Named(_): Named, uri: Uri) -> Result<Response, DoorError> {
    // As it was asked for: this is where the application looks.
    let sign_in = format!("{}{}", app.issuer(), uri.path().trim_end_matches("/metadata"));
    metadata::document(&app, &sign_in, &format!("{}/slo/saml", sign_in.trim_end_matches("/sso/saml")))
}

/// An address for logout messages of these kinds.
fn logout(kinds: &'static [Kind]) -> MethodRouter<App> {
    get(move |State(app): State<App>, Named(sp): Named, Address(address): Address, headers: HeaderMap, uri: Uri| async move {
        slo::arrive(&app, &headers, &uri, address, Some(&Party::Application(sp)), kinds).await
    })
    .post(move |State(app): State<App>, Named(sp): Named, Address(address): Address, request: Request| async move {
        slo::posted(&app, request, address, Some(&Party::Application(sp)), kinds).await
    })
}
