//! Okta's paths: each application has its own, by its id and its key.

use acquit_saml::message::Kind;
use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderMap, Uri},
    response::Response,
    routing::get,
};

use super::{metadata, registry::Sp, slo, sso};
use crate::{App, door::DoorError, form::Address};

/// Okta's names for the doors.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/app/{app}/{key}/sso/saml", get(sign_in).post(sign_in_posted))
        .route("/app/{app}/{key}/sso/saml/metadata", get(describe))
        .route("/app/{app}/{key}/slo/saml", get(sign_out).post(sign_out_posted))
        .route("/app/{app}/{key}/slo/saml/callback", get(answered).post(answered_posted))
}

type Named = Path<(String, String)>;

fn find(app: &App, (id, key): &(String, String)) -> Result<std::sync::Arc<Sp>, DoorError> {
    app.clients.service_providers().by_key(id, key).ok_or(DoorError::NotFound)
}

async fn sign_in(
    State(app): State<App>,
    Path(named): Named,
    Address(address): Address,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, DoorError> {
    let sp = find(&app, &named)?;
    sso::arrive(&app, &headers, &uri, &address, Some(&sp)).await
}

async fn sign_in_posted(
    State(app): State<App>,
    Path(named): Named,
    Address(address): Address,
    request: Request,
) -> Result<Response, DoorError> {
    let sp = find(&app, &named)?;
    sso::posted(&app, request, &address, Some(&sp)).await
}

async fn describe(State(app): State<App>, Path(named): Named) -> Result<Response, DoorError> {
    find(&app, &named)?;
    let base = format!("{}/app/{}/{}", app.issuer(), named.0, named.1);
    metadata::document(&app, &format!("{base}/sso/saml"), &format!("{base}/slo/saml"))
}

const ANY: &[Kind] = &[Kind::LogoutRequest, Kind::LogoutResponse];

async fn sign_out(
    State(app): State<App>,
    Path(named): Named,
    Address(address): Address,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, DoorError> {
    let sp = find(&app, &named)?;
    slo::arrive(&app, &headers, &uri, address, Some(&sp), ANY).await
}

async fn sign_out_posted(
    State(app): State<App>,
    Path(named): Named,
    Address(address): Address,
    request: Request,
) -> Result<Response, DoorError> {
    let sp = find(&app, &named)?;
    slo::posted(&app, request, address, Some(&sp), ANY).await
}

async fn answered(
    State(app): State<App>,
    Path(named): Named,
    Address(address): Address,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, DoorError> {
    let sp = find(&app, &named)?;
    slo::arrive(&app, &headers, &uri, address, Some(&sp), &[Kind::LogoutResponse]).await
}

async fn answered_posted(
    State(app): State<App>,
    Path(named): Named,
    Address(address): Address,
    request: Request,
) -> Result<Response, DoorError> {
    let sp = find(&app, &named)?;
    slo::posted(&app, request, address, Some(&sp), &[Kind::LogoutResponse]).await
}
