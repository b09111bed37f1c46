//! `POST /organizations`, `PUT` and `DELETE /organizations/{id}`.

use std::time::Duration;

use acquit_core::OrganizationId;
use acquit_store::management::{Made, OrganizationRecord};
use axum::{
    Json,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

use super::{domains, object, one};
use crate::{
    App,
    broker::{
        body::Body,
        connections::{of_the_file, refused},
        error::Failure,
        ids,
        kept::{Begun, Call},
        made::changed,
        manage::Manager,
        registry::ListedOrganization,
    },
    random,
};

/// The most organizations that one application makes. Each node keeps all of them in mind.
const MAX_ORGANIZATIONS: u32 = 10_000;
/// The most keys of an organization's metadata, and the longest key and value, in characters.
const MAX_KEYS: usize = 50;
const MAX_KEY: usize = 40;
const MAX_VALUE: usize = 600;

/// `POST /organizations`.
pub async fn make(
    State(app): State<App>,
    Manager(application): Manager,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Failure> {
    let (mut body, bytes) = Body::read(request).await?;
    let call = match Call::begin(&app, &application, "/organizations", &headers, &bytes).await? {
        Begun::Fresh(call) => call,
        Begun::Before(answer) => return Ok(answer),
    };
    let now = app.clock.now();
    let mut record = OrganizationRecord {
        id: ids::upper(&OrganizationId::from_random(random::id_at(now)?), OrganizationId::parse)?,
        name: body.need("name")?,
        metadata: Map::new(),
        external_id: None,
        made_by: application.app.clone(),
        domains: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    fill(&app, &mut record, body)?;
    let answer = object::organization(&ListedOrganization::of_store(&record, |_| true));
    let answer_kept = call.keep(&app, StatusCode::CREATED, &answer)?;
    let id = record.id.clone();
    match app.store.make_organization(record, answer_kept, MAX_ORGANIZATIONS).await? {
        Ok(Made::Now) => {
            changed(&app).await?;
            Ok((StatusCode::CREATED, Json(answer)).into_response())
        }
        Ok(Made::Before(before)) => call.answer(&app, &before),
        Err(why) => Err(refused(why, id.as_str())),
    }
}

/// `PUT /organizations/{id}`: what is sent is changed, the rest stays. Domains, where any are sent, are those from then on.
pub async fn change(
    State(app): State<App>,
    Manager(application): Manager,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Value>, Failure> {
    let (mut body, _) = Body::read(request).await?;
    let listed = one(&app, &application, &id)?;
    let was = listed.record.as_ref().ok_or_else(|| of_the_file(&id))?;
    let mut fresh = was.clone();
    if let Some(name) = body.some_text("name")? {
        fresh.name = name;
    }
    fresh.updated_at = app.clock.now().max(was.updated_at.plus(Duration::from_micros(1)));
    fill(&app, &mut fresh, body)?;
    let written = app.store.change_organization(fresh, was.updated_at).await?;
    changed(&app).await?;
    written.map_err(|why| refused(why, was.id.as_str()))?;
    Ok(Json(object::organization(&*one(&app, &application, &id)?)))
}

/// `DELETE /organizations/{id}`. Its connections go with it, and the sessions of who came through them end by a logout.
pub async fn delete(
    State(app): State<App>,
    Manager(application): Manager,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let listed = one(&app, &application, &id)?;
    if listed.record.is_none() {
        return Err(of_the_file(&id));
    }
    let deleted = app.store.delete_organization(&listed.id, app.clock.now()).await?;
    changed(&app).await?;
    if deleted { Ok(StatusCode::ACCEPTED) } else { Err(Failure::not_found(listed.id.as_str())) }
}

/// What making and changing have in common.
fn fill(app: &App, record: &mut OrganizationRecord, mut body: Body) -> Result<(), Failure> {
    if let Some(external_id) = body.text("external_id")? {
        record.external_id = external_id.filter(|id| !id.is_empty());
    }
    if let Some(metadata) = body.object("metadata")? {
        describe(&mut record.metadata, metadata.rest())?;
    }
    if let Some(domains) = domains::read(&mut body, &record.domains, record.updated_at)? {
        for domain in &domains {
            free_in_file(app, &domain.domain)?;
        }
        record.domains = domains;
    }
    if body.truth("allow_profiles_outside_organization")? == Some(true) {
        return Err(Failure::invalid(
            "allow_profiles_outside_organization is for the operator to say, in the configuration",
        ));
    }
    body.done()
}

/// A domain that the operator vouches for stays where it is.
fn free_in_file(app: &App, domain: &str) -> Result<(), Failure> {
    let organizations = app.clients.connections().listed_organizations();
    let mut of_file = organizations.iter().filter(|organization| organization.record.is_none());
    if of_file.any(|organization| organization.verified().any(|known| known.domain == domain)) {
        return Err(refused(acquit_store::management::Refused::DomainTaken(domain.to_owned()), ""));
    }
    Ok(())
}

/// Takes metadata over: a key with null goes.
fn describe(known: &mut Map<String, Value>, sent: Map<String, Value>) -> Result<(), Failure> {
    let invalid = |message: &str| Failure::Bad { code: "invalid_metadata", message: message.to_owned() };
    for (key, value) in sent {
        if !(1..=MAX_KEY).contains(&key.chars().count()) {
            return Err(invalid("a key of metadata has 1 to 40 characters"));
        }
        match value {
            Value::Null => drop(known.remove(&key)),
            Value::String(text) if text.chars().count() <= MAX_VALUE => drop(known.insert(key, Value::String(text))),
            _ => return Err(invalid("a value of metadata is text of at most 600 characters")),
        }
    }
    if known.len() > MAX_KEYS { Err(invalid("metadata has at most 50 keys")) } else { Ok(()) }
}
