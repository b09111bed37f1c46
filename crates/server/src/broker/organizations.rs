//! `/organizations`: the customers.

use std::sync::Arc;

use acquit_core::{Timestamp, id::made_at};
use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use serde_json::Value;

use super::{
    connections::named,
    error::Failure,
    list::{Query, Window},
    manage::{Reader, sees},
    registry::ListedOrganization,
};
use crate::{App, settings::BrokerApplication};

mod domains;
mod object;
mod write;

pub use write::{change, delete, make};

/// Where an id stands in a list, the oldest first: by the time that it tells, which needs no object to be there any more.
pub(super) fn place(prefix: &str, id: &str) -> Option<(Timestamp, String)> {
    let body = id.strip_prefix(prefix)?;
    let plain = !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    plain.then(|| (made_at(id).unwrap_or_default(), id.to_owned()))
}

/// `GET /organizations`.
pub async fn list(State(app): State<App>, Reader(application): Reader, uri: Uri) -> Result<Json<Value>, Failure> {
    let query = Query::read(uri.query())?;
    let window = Window::read(&query)?;
    let domains: Vec<String> = query.list("domains").into_iter().map(str::to_ascii_lowercase).collect();
    let search = query.get("search")?.map(str::to_lowercase);
    let mut found = app.clients.connections().listed_organizations();
    found.retain(|organization| {
        sees(&application, Some(&organization.id))
            && (domains.is_empty() || organization.domains.iter().any(|domain| domains.contains(&domain.domain)))
            && search.as_ref().is_none_or(|search| organization.name.to_lowercase().contains(search))
    });
    let page = window.cut(found, |organization| organization.id.as_str(), |id| place("org_", id))?;
    Ok(Json(page.envelope(|organization| object::organization(organization))))
}

/// `GET /organizations/{id}`.
pub async fn show(
    State(app): State<App>,
    Reader(application): Reader,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    Ok(Json(object::organization(&*one(&app, &application, &id)?)))
}

/// `GET /organizations/external_id/{external_id}`.
pub async fn show_by_external_id(
    State(app): State<App>,
    Reader(application): Reader,
    Path(external_id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let all = app.clients.connections().listed_organizations().into_iter();
    let mut known = all.filter(|organization| sees(&application, Some(&organization.id)));
    let found = known.find(|organization| organization.external_id.as_ref() == Some(&external_id));
    let found = found.ok_or_else(|| Failure::not_found(named(&external_id)))?;
    Ok(Json(object::organization(&found)))
}

/// An organization that exists for an application.
pub(super) fn one(app: &App, application: &BrokerApplication, id: &str) -> Result<Arc<ListedOrganization>, Failure> {
    let all = app.clients.connections().listed_organizations().into_iter();
    let mut known = all.filter(|organization| sees(application, Some(&organization.id)));
    known.find(|organization| organization.id.as_str() == id).ok_or_else(|| Failure::not_found(named(id)))
}
