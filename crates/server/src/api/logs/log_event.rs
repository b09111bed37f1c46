//! An event in the shape of Okta's LogEvent. Nothing here can sign anybody in or out: sessions and logouts are named by
//! the identifiers of the API, which are no credentials; an application's own words to us and its `sid` are left out.

use acquit_core::event::Kind;
use acquit_store::event::{Context, EventRecord};
use serde_json::{Map, Value, json};

use super::{event_type, user_agent};
use crate::random;

/// The longest `outcome.reason`, in characters.
const MAX_REASON: usize = 255;

/// What the event log alone does not know.
pub struct Names<'a> {
    /// The users and browsers that the events refer to.
    pub context: &'a Context,
    /// What an application is called.
    pub application: &'a dyn Fn(&str) -> String,
    /// Whose log it is.
    pub issuer: &'a str,
}

/// The event as the API shows it. The same event is always given the same `uuid`.
#[must_use]
pub fn of(event: &EventRecord, names: &Names<'_>) -> Value {
    let kind = Kind::parse(&event.kind);
    let (event_type, message) = event_type::of(event);
    let (result, reason, severity) = outcome(event, kind);
    let uuid = uuid(names.issuer, event);
    json!({
        "uuid": uuid,
        "version": "0",
        "published": event.at,
        "severity": severity,
        "eventType": event_type,
        "legacyEventType": null,
        "displayMessage": message,
        "actor": actor(event, kind, names),
        "client": client(event, names),
        "device": null,
        "authenticationContext": {
            "authenticationProvider": null, "credentialProvider": null, "credentialType": null, "issuer": null,
            "interface": null, "authenticationStep": 0,
            "externalSessionId": event.session, "rootSessionId": event.session,
        },
        "outcome": { "result": result, "reason": reason },
        "securityContext": { "asNumber": null, "asOrg": null, "isp": null, "domain": null, "isProxy": null },
        "debugContext": { "debugData": debug_data(event, kind) },
        "transaction": transaction(event, &uuid),
        "request": { "ipChain": ip_chain(event) },
        "target": targets(event, kind, names),
    })
}

/// A UUID (RFC 9562, version 8) of what never changes about the event.
fn uuid(issuer: &str, event: &EventRecord) -> String {
    let mut hash = random::hash(&format!("{issuer} event {} {}", event.seq, event.at.as_micros()));
    hash[6] = hash[6] & 0x0f | 0x80;
    hash[8] = hash[8] & 0x3f | 0x80;
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default()).join("-")
}

fn outcome(event: &EventRecord, kind: Option<Kind>) -> (&'static str, Option<String>, &'static str) {
    let facts = &event.facts;
    let (result, severity) = match (kind, facts.outcome.as_deref()) {
        (Some(Kind::SignInFailed | Kind::SsoFailed), _) => ("FAILURE", "WARN"),
        (Some(Kind::LogoutSettled), Some("incomplete")) => ("FAILURE", "WARN"),
        (Some(Kind::TokenReused), _) => ("FAILURE", "WARN"),
        (Some(Kind::StepAttempted), Some("confirmed")) => ("SUCCESS", "INFO"),
        // The browser was given the frame; nothing more can be known.
        (Some(Kind::StepAttempted), Some("sent")) => ("UNKNOWN", "INFO"),
        (Some(Kind::StepAttempted), Some("pending")) => ("DEFERRED", "INFO"),
        (Some(Kind::StepAttempted), Some("unsupported")) => ("SKIPPED", "WARN"),
        (Some(Kind::StepAttempted), _) => ("FAILURE", "ERROR"),
        _ => ("SUCCESS", "INFO"),
    };
    let words = match kind {
        Some(Kind::TokenReused) => event.detail.as_ref(),
        _ => facts.reason.as_ref(),
    };
    let reason = words.filter(|words| !words.is_empty()).map(|words| words.chars().take(MAX_REASON).collect());
    (result, reason, severity)
}

fn system() -> Value {
    json!({ "id": "acquit", "type": "SystemPrincipal", "alternateId": "acquit", "displayName": "Acquit", "detailEntry": null })
}

fn user(event: &EventRecord, names: &Names<'_>) -> Option<Value> {
    let id = event.user.as_deref()?;
    let person = names.context.people.get(id);
    let username = person.and_then(|person| person.username.as_deref());
    let email = person.and_then(|person| person.email.as_deref());
    let name = person.and_then(|person| person.name.as_deref());
    Some(json!({
        "id": id,
        "type": "User",
        "alternateId": email.or(username).unwrap_or("unknown"),
        "displayName": name.or(username).unwrap_or("unknown"),
        "detailEntry": null,
    }))
}

fn application(event: &EventRecord, names: &Names<'_>) -> Option<Value> {
    let id = event.party.as_deref()?;
    Some(json!({
        "id": id, "type": "AppInstance", "alternateId": id, "displayName": (names.application)(id), "detailEntry": null,
    }))
}

/// Who did it.
fn actor(event: &EventRecord, kind: Option<Kind>, names: &Names<'_>) -> Value {
    let nobody = || json!({ "id": "unknown", "type": "User", "alternateId": "unknown", "displayName": "unknown", "detailEntry": null });
    match (kind, event.facts.by.as_deref()) {
        (Some(Kind::SessionBegan | Kind::SessionEnded | Kind::LogoutPlanned), Some("administrator")) => {
            let name = event.party.as_deref().unwrap_or("administrator");
            json!({ "id": name, "type": "ApiToken", "alternateId": name, "displayName": name, "detailEntry": null })
        }
        (Some(Kind::SessionEnded | Kind::LogoutPlanned), Some("policy" | "upstream") | None) => system(),
        (Some(Kind::SessionEnded | Kind::LogoutPlanned), _) => user(event, names).unwrap_or_else(nobody),
        (
            Some(
                Kind::SessionBegan
                | Kind::SignInFailed
                | Kind::SsoSucceeded
                | Kind::SsoFailed
                | Kind::SessionReauthenticated
                | Kind::ParticipantJoined,
            ),
            _,
        ) => user(event, names).unwrap_or_else(nobody),
        (Some(Kind::TokenReused | Kind::ClientChanged), _) => application(event, names).unwrap_or_else(system),
        _ => system(),
    }
}

/// To what it was done.
fn targets(event: &EventRecord, kind: Option<Kind>, names: &Names<'_>) -> Value {
    let of_user = || user(event, names);
    let of_application = || application(event, names);
    let found: Vec<Value> = match kind {
        Some(Kind::SessionBegan) if event.facts.by.is_some() => of_user().into_iter().collect(),
        Some(Kind::SessionBegan | Kind::SignInFailed | Kind::SessionReauthenticated) => Vec::new(),
        Some(Kind::ParticipantJoined) => of_application().into_iter().collect(),
        Some(Kind::SessionEnded | Kind::LogoutPlanned) if event.facts.by.as_deref() == Some("application") => {
            of_user().into_iter().chain(of_application()).collect()
        }
        Some(Kind::SessionEnded | Kind::LogoutPlanned | Kind::PasswordChanged | Kind::UserDisabled) => {
            of_user().into_iter().collect()
        }
        Some(Kind::StepAttempted) => of_application().into_iter().chain(of_user()).collect(),
        Some(Kind::TokenReused | Kind::LogoutSettled) => of_user().into_iter().collect(),
        Some(
            Kind::SsoSucceeded
            | Kind::SsoFailed
            | Kind::ConnectionActivated
            | Kind::ConnectionDeactivated
            | Kind::ConnectionDeleted,
        ) => {
            let id = event.connection.as_deref().unwrap_or("unknown");
            let name = event.facts.name.clone().unwrap_or_else(|| (names.application)(id));
            vec![
                json!({ "id": id, "type": "IdentityProvider", "alternateId": id, "displayName": name, "detailEntry": null }),
            ]
        }
        Some(Kind::ClientChanged) => of_application().into_iter().collect(),
        Some(Kind::KeyRotated) => {
            // "made KID" or "retired KID".
            let kid = event.detail.as_deref().and_then(|detail| detail.split_once(' ')).map(|(_, kid)| kid);
            let kid = kid.unwrap_or("unknown");
            vec![
                json!({ "id": kid, "type": "SigningKey", "alternateId": kid, "displayName": kid, "detailEntry": null }),
            ]
        }
        None => Vec::new(),
    };
    if found.is_empty() { Value::Null } else { Value::Array(found) }
}

fn client(event: &EventRecord, names: &Names<'_>) -> Value {
    let of_session = || names.context.browsers.get(event.session.as_deref()?).map(String::as_str);
    let known = event.facts.user_agent.as_deref();
    let raw = known.or_else(|| if event.facts.own_browser { of_session() } else { None });
    let (os, browser, device) = raw.map_or(("Unknown", "UNKNOWN", "Unknown"), user_agent::guess);
    json!({
        "id": null,
        "userAgent": raw.map(|raw| json!({ "rawUserAgent": raw, "os": os, "browser": browser })),
        "zone": null,
        "device": raw.map(|_| device),
        "ipAddress": event.ip,
        "geographicalContext": null,
    })
}

/// Text throughout: what reads Okta's log expects numbers in quotes here.
fn debug_data(event: &EventRecord, kind: Option<Kind>) -> Value {
    let facts = &event.facts;
    let mut data = Map::new();
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            data.insert(key.to_owned(), Value::String(value));
        }
    };
    put("TotalOidcLogoutRequests", facts.oidc_requests.map(|count| count.to_string()));
    put("TotalSamlLogoutRequests", facts.saml_requests.map(|count| count.to_string()));
    if kind == Some(Kind::SessionEnded) {
        put("EndedSessionId", event.session.clone());
    }
    put("LogoutRequestedBy", facts.by.clone().filter(|_| kind != Some(Kind::SessionBegan)));
    put("LogoutScope", facts.scope.clone());
    put("LogoutProtocol", facts.protocol.clone().filter(|_| kind == Some(Kind::StepAttempted)));
    put("LogoutChannel", facts.channel.clone());
    put("LogoutOutcome", facts.outcome.clone());
    put("HttpStatus", facts.status.map(|status| status.to_string()));
    if matches!(kind, Some(Kind::UserDisabled | Kind::KeyRotated | Kind::ClientChanged)) {
        put("Change", event.detail.clone());
    }
    Value::Object(data)
}

/// All of one logout belong together, whenever they happened; anything else is a transaction of its own.
fn transaction(event: &EventRecord, uuid: &str) -> Value {
    let kind = if event.ip.is_some() || event.facts.own_browser { "WEB" } else { "JOB" };
    json!({ "type": kind, "id": event.logout.as_deref().unwrap_or(uuid), "detail": {} })
}

fn ip_chain(event: &EventRecord) -> Value {
    let Some(ip) = &event.ip else { return json!([]) };
    let version = if ip.contains(':') { "V6" } else { "V4" };
    json!([{ "ip": ip, "version": version, "source": null, "geographicalContext": null }])
}

#[cfg(test)]
mod tests;
