//! `/connections`: the customers' links to their identity providers.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use serde_json::Value;

use super::{
    error::Failure,
    list::{Query, Window},
    manage::{Reader, sees},
    organizations::place,
    registry::ListedConnection,
};
use crate::{
    App,
    settings::{BrokerApplication, connection_type as types},
};

mod delete;
mod make;
mod object;
mod options;
mod patch;
mod saml;

pub use delete::delete;
pub use make::make;
pub(super) use make::refused;
pub use patch::patch;

/// `GET /connections`.
pub async fn list(State(app): State<App>, Reader(application): Reader, uri: Uri) -> Result<Json<Value>, Failure> {
    let query = Query::read(uri.query())?;
    let window = Window::read(&query)?;
    let unknown = || Failure::invalid("connection_type is none that there is");
    let connection_type = query.get("connection_type")?.map(|name| types::of_filter(name).ok_or_else(unknown));
    let connection_type = connection_type.transpose()?;
    let organization = query.get("organization_id")?;
    let domain = query.get("domain")?.map(str::to_ascii_lowercase);
    let search = query.get("search")?.map(str::to_lowercase);
    let organizations = app.clients.connections().listed_organizations();
    let has_domain = |connection: &ListedConnection, domain: &str| {
        let of = organizations.iter().find(|organization| Some(&organization.id) == connection.organization.as_ref());
        of.is_some_and(|organization| organization.verified().any(|known| known.domain == domain))
    };
    let mut found = app.clients.connections().listed();
    found.retain(|connection| {
        sees(&application, connection.organization.as_ref())
            && connection_type.is_none_or(|name| connection.connection_type == name)
            && organization.is_none_or(|id| connection.organization.as_ref().is_some_and(|of| of.as_str() == id))
            && domain.as_ref().is_none_or(|domain| has_domain(connection, domain))
            && search.as_ref().is_none_or(|search| connection.name.to_lowercase().contains(search))
    });
    let page = window.cut(found, |connection| connection.id.as_str(), |id| place("conn_", id))?;
    Ok(Json(page.envelope(|connection| object::shown(&app, connection))))
}

/// `GET /connections/{id}`.
pub async fn show(
    State(app): State<App>,
    Reader(application): Reader,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    Ok(Json(object::shown(&app, &*one(&app, &application, &id)?)))
}

/// A connection that exists for an application.
pub(super) fn one(app: &App, application: &BrokerApplication, id: &str) -> Result<Arc<ListedConnection>, Failure> {
    let all = app.clients.connections().listed().into_iter();
    let mut known = all.filter(|connection| sees(application, connection.organization.as_ref()));
    known.find(|connection| connection.id.as_str() == id).ok_or_else(|| Failure::not_found(named(id)))
}

/// An id as an error repeats it: what somebody sent, in bounds.
pub(super) fn named(id: &str) -> String {
    id.chars().filter(|letter| !letter.is_control()).take(acquit_core::id::MAX_ID_LEN).collect()
}

/// What belongs to the configuration is not changed here.
pub(super) fn of_the_file(id: &str) -> Failure {
    Failure::invalid(format!("{id} belongs to the configuration file, which alone can change it"))
}
