//! From an entry of the log to an event on WorkOS's wire. Every key is always there.

use std::collections::HashMap;

use acquit_core::{AppId, ConnectionId, LogoutId, OrganizationId, SessionId, Timestamp, UserId};
use acquit_store::{
    event::{Context, EventRecord},
    session::SessionView,
};
use serde_json::{Value, json};

use super::Found;
use crate::{
    App,
    broker::{
        error::Failure,
        event::{Name, Whose, completed_id, envelope, logout_completed, logout_started},
        ids,
    },
    settings::connection_type,
};

/// The id of an event of an entry. Those of a logout are the webhooks', which know nothing of the log.
pub(super) fn id(record: &EventRecord, name: Name) -> String {
    let logout = record.logout.as_deref().unwrap_or_default();
    match name {
        Name::LogoutStarted => name.id(record.at, &[logout, record.session.as_deref().unwrap_or_default()]),
        Name::LogoutCompleted => {
            let state = record.facts.outcome.as_deref().unwrap_or_default();
            LogoutId::parse(logout).map(|logout| completed_id(&logout, state, record.at)).unwrap_or_default()
        }
        _ => name.id(record.at, &[&record.seq.to_string()]),
    }
}

/// The events as `app` sees them.
pub(super) async fn all(app: &App, for_app: &AppId, found: &[Found]) -> Result<Vec<Value>, Failure> {
    let records: Vec<_> = found.iter().map(|found| found.record.clone()).collect();
    let context = app.store.log_context(&records).await?;
    let mut sessions = HashMap::new();
    let mut shown = Vec::with_capacity(found.len());
    for found in found {
        let event = match found.name {
            Name::LogoutStarted => started(&found.record),
            Name::LogoutCompleted => completed(app, for_app, &found.record).await?,
            Name::SessionCreated | Name::SessionRevoked => {
                let id = found.record.session.clone().unwrap_or_default();
                if !sessions.contains_key(&id) {
                    let known = match SessionId::parse(&id) {
                        Ok(session) => app.store.session(&session).await?,
                        Err(_) => None,
                    };
                    sessions.insert(id.clone(), known);
                }
                let known = sessions.get(&id).and_then(Option::as_ref);
                Some(envelope(found.name, &found.id, found.record.at, session(app, found, known)))
            }
            Name::ConnectionActivated | Name::ConnectionDeactivated | Name::ConnectionDeleted => {
                Some(envelope(found.name, &found.id, found.record.at, connection(app, found)))
            }
            Name::SsoStarted | Name::SsoSucceeded | Name::SsoFailed => Some(sso(found, &context)),
        };
        // What cannot be read any more still has its name and its place.
        shown.push(event.unwrap_or_else(|| envelope(found.name, &found.id, found.record.at, json!({}))));
    }
    Ok(shown)
}

struct Ids {
    user: UserId,
    connection: Option<ConnectionId>,
    organization: Option<OrganizationId>,
}

impl Ids {
    fn of(record: &EventRecord) -> Option<Self> {
        Some(Self {
            user: UserId::parse(record.user.as_deref()?).ok()?,
            connection: record.connection.as_deref().and_then(|id| ConnectionId::parse(id).ok()),
            organization: record.organization.as_deref().and_then(|id| OrganizationId::parse(id).ok()),
        })
    }

    fn whose(&self) -> Whose<'_> {
        Whose { user: &self.user, connection: self.connection.as_ref(), organization: self.organization.as_ref() }
    }
}

fn started(record: &EventRecord) -> Option<Value> {
    let ids = Ids::of(record)?;
    let logout = LogoutId::parse(record.logout.as_deref()?).ok()?;
    let session = SessionId::parse(record.session.as_deref()?).ok()?;
    let of = (record.facts.by.as_deref().unwrap_or_default(), record.facts.scope.as_deref().unwrap_or_default());
    Some(logout_started((&logout, &session), &ids.whose(), of, record.at))
}

/// The steps are those of the receipt as it is now; the state and the time are those of the entry.
async fn completed(app: &App, for_app: &AppId, record: &EventRecord) -> Result<Option<Value>, Failure> {
    let Some(ids) = Ids::of(record) else { return Ok(None) };
    let Some(logout) = record.logout.as_deref().and_then(|id| LogoutId::parse(id).ok()) else { return Ok(None) };
    let Some(receipt) = app.store.receipt(&logout).await? else { return Ok(None) };
    let settled = acquit_store::receipt::Settled { receipt, at: record.at };
    let state = record.facts.outcome.as_deref().unwrap_or_default();
    Ok(Some(logout_completed(&settled, state, &ids.whose(), for_app)))
}

fn profile(record: &EventRecord) -> Option<String> {
    record.user.as_deref().and_then(|user| UserId::parse(user).ok()).map(|user| ids::profile(&user))
}

fn sso(found: &Found, context: &Context) -> Value {
    let Found { record, name, id } = found;
    let left_at = record.facts.left_at.map(Timestamp::from_micros);
    let (status, at) = match name {
        Name::SsoStarted => ("started", left_at.unwrap_or(record.at)),
        Name::SsoFailed => ("failed", record.at),
        _ => ("succeeded", record.at),
    };
    let person = record.user.as_deref().and_then(|user| context.people.get(user));
    let browser = record.session.as_deref().and_then(|session| context.browsers.get(session));
    // Who they are is known only when they have come back.
    let known = *name == Name::SsoSucceeded;
    let mut data = json!({
        "type": "sso",
        "status": status,
        "ip_address": record.ip,
        "user_agent": record.facts.user_agent.as_ref().or(browser),
        "user_id": profile(record).filter(|_| known),
        "email": person.and_then(|person| person.email.clone()).filter(|_| known),
        "sso": {
            "organization_id": record.organization,
            "connection_id": record.connection,
            "session_id": record.session.as_deref().map(ids::session).filter(|_| known),
        },
    });
    if *name == Name::SsoFailed {
        data["error"] = json!({ "code": record.facts.reason, "message": record.detail });
    }
    envelope(*name, id, at, data)
}

fn session(app: &App, found: &Found, known: Option<&SessionView>) -> Value {
    let Found { record, name, .. } = found;
    let ended = *name == Name::SessionRevoked;
    let began_at = known.map_or(record.at, |view| view.session.began_at);
    json!({
        "object": "session",
        "id": record.session.as_deref().map(ids::session),
        "user_id": profile(record),
        "organization_id": record.organization,
        "ip_address": known.and_then(|view| view.ip.clone()).or_else(|| record.ip.clone()),
        "user_agent": known.and_then(|view| view.user_agent.clone()).or_else(|| record.facts.user_agent.clone()),
        "impersonator": null,
        "auth_method": "sso",
        "status": if ended { "revoked" } else { "active" },
        "expires_at": began_at.plus(app.settings().lifetimes.session().max),
        "ended_at": ended.then_some(record.at),
        "created_at": began_at,
        "updated_at": record.at,
    })
}

fn connection(app: &App, found: &Found) -> Value {
    let Found { record, name, .. } = found;
    // Also one that nobody may come through now.
    let listed = app.clients.connections().listed();
    let known = listed.iter().find(|known| Some(known.id.as_str()) == record.connection.as_deref());
    let facts = &record.facts;
    let state = if *name == Name::ConnectionActivated { "active" } else { "inactive" };
    let mut data = json!({
        "object": "connection",
        "id": record.connection,
        "organization_id": record.organization,
        "connection_type": facts.connection_type.as_deref().unwrap_or(connection_type::GENERIC),
        "name": facts.name.as_deref().unwrap_or_default(),
        "state": state,
        "created_at": known.map_or(record.at, |known| known.created_at),
        "updated_at": record.at,
    });
    if *name != Name::ConnectionDeleted {
        let organizations = app.clients.connections().listed_organizations();
        let of = organizations.iter().find(|one| Some(one.id.as_str()) == record.organization.as_deref());
        let domains = of.into_iter().flat_map(|of| of.verified()).map(
            |domain| json!({ "object": "connection_domain", "id": domain_id(&domain.domain), "domain": domain.domain }),
        );
        data["external_key"] = json!(known.map(|known| known.external_key.as_str()).unwrap_or_default());
        data["status"] = json!(if state == "active" { "linked" } else { "unlinked" });
        data["domains"] = json!(domains.collect::<Vec<_>>());
    }
    data
}

/// A name of a mail domain that is always the same.
fn domain_id(domain: &str) -> String {
    Name::ConnectionActivated.id(Timestamp::from_micros(0), &[domain]).replacen("event_", "conn_domain_", 1)
}
