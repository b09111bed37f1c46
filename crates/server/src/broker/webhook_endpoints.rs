//! `/webhook_endpoints`: where an application is told, beside what the configuration says. Its own API key reads them, and
//! writes them if the operator lets it (`manage = true`): whoever writes them decides who learns of people's sign-outs.

use acquit_core::EndpointId;
use acquit_oidc::uri::{self, Purpose as For};
use acquit_store::{
    management::Made,
    webhook::{COMPLETED, Change, Endpoint, MOST, Refused, STARTED},
};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, RawQuery, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    error::Failure,
    kept::{Begun, Call},
    list::{Page, Query, Window},
    manage::{Manager, Reader},
};
use crate::{
    App, form, random,
    seal::{Purpose, SealError},
    settings::BrokerApplication,
};

/// The events that are delivered. Others are only listed (`/events`), so nobody may wait for them here.
const DELIVERED: [&str; 2] = [STARTED, COMPLETED];

const PATH: &str = "/webhook_endpoints";

/// What a call says.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    endpoint_url: Option<String>,
    events: Option<Vec<String>>,
    status: Option<String>,
}

impl Body {
    async fn read(request: Request) -> Result<(Self, Bytes), Failure> {
        let is_json = form::is_type(request.headers(), "application/json");
        let bytes = form::read(request.into_body()).await?;
        if !is_json {
            return Err(form::BodyError::Type("application/json").into());
        }
        let wrong = |error: serde_json::Error| Failure::Invalid { message: format!("the body: {error}") };
        Ok((serde_json::from_slice(&bytes).map_err(wrong)?, bytes))
    }

    /// What it changes, as far as that may be.
    fn check(self, application: &BrokerApplication) -> Result<Change, Failure> {
        if let Some(url) = &self.endpoint_url {
            let invalid = |why: uri::InvalidUri| Failure::Unprocessable {
                code: "invalid_url",
                message: format!("endpoint_url {why}"),
            };
            uri::check(url, For::Http).map_err(invalid)?;
            if application.webhook.as_ref().is_some_and(|configured| configured.url == *url) {
                return Err(duplicate());
            }
        }
        if let Some(events) = &self.events {
            if let Some(other) = events.iter().find(|event| !DELIVERED.contains(&event.as_str())) {
                let delivered = DELIVERED.join(" and ");
                let message = format!("events: {other:?} is not delivered by webhook, only {delivered} are");
                return Err(Failure::Invalid { message });
            }
            if events.is_empty() {
                return Err(Failure::Invalid { message: "events must name one at least".to_owned() });
            }
        }
        let enabled = match self.status.as_deref() {
            None => None,
            Some("enabled") => Some(true),
            Some("disabled") => Some(false),
            Some(_) => return Err(Failure::Invalid { message: "status must be enabled or disabled".to_owned() }),
        };
        let mut events = self.events;
        if let Some(events) = &mut events {
            events.sort();
            events.dedup();
        }
        Ok(Change { url: self.endpoint_url, events, enabled })
    }
}

fn duplicate() -> Failure {
    Failure::Conflict { code: "duplicate_endpoint", message: "there is an endpoint with this URL".to_owned() }
}

fn refused(refused: Refused, id: &str) -> Failure {
    match refused {
        Refused::Duplicate => duplicate(),
        Refused::TooMany => Failure::Invalid { message: format!("an application has {MOST} endpoints at most") },
        Refused::Unknown => Failure::NotFound { id: id.to_owned() },
    }
}

/// `GET /webhook_endpoints`.
///
/// # Errors
/// [`Failure`].
pub async fn list(
    State(app): State<App>,
    Reader(application): Reader,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let window = Window::read(&Query::read(query.as_deref())?)?;
    let endpoints = app.store.endpoints(&application.app).await?;
    // Their ids begin with the time.
    let page = window.cut(
        endpoints,
        |endpoint| endpoint.id.as_str(),
        |id| EndpointId::parse(id).ok().map(|id| id.as_str().to_owned()),
    )?;
    let mut shown = Vec::with_capacity(page.data.len());
    for endpoint in &page.data {
        shown.push(show(&app, endpoint)?);
    }
    Ok(Json(Page { data: shown, before: page.before, after: page.after }.envelope(Value::clone)))
}

/// `POST /webhook_endpoints`.
///
/// # Errors
/// [`Failure`].
pub async fn make(
    State(app): State<App>,
    Manager(application): Manager,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Failure> {
    let (body, bytes) = Body::read(request).await?;
    let call = match Call::begin(&app, &application, PATH, &headers, &bytes).await? {
        Begun::Fresh(call) => call,
        Begun::Before(answer) => return Ok(answer),
    };
    let Change { url, events, .. } = body.check(&application)?;
    let missing = |name: &str| Failure::Invalid { message: format!("{name} is missing") };
    let now = app.clock.now();
    let secret = Zeroizing::new(format!("whsec_{}", random::secret()?));
    let endpoint = Endpoint {
        id: EndpointId::from_random(random::id_at(now)?),
        app: application.app.clone(),
        url: url.ok_or_else(|| missing("endpoint_url"))?,
        events: events.ok_or_else(|| missing("events"))?,
        enabled: true,
        sealed: app.sealer.seal_bytes(Purpose::WebhookSecret, secret.as_bytes())?,
        created_at: now,
        updated_at: now,
    };
    let answer = show(&app, &endpoint)?;
    let answer_kept = call.keep(&app, StatusCode::CREATED, &answer)?;
    let id = endpoint.id.clone();
    match app.store.add_endpoint(endpoint, answer_kept).await?.map_err(|why| refused(why, ""))? {
        Made::Now => {
            tracing::info!(app = %application.app, endpoint = %id, "a webhook endpoint was made");
            Ok((StatusCode::CREATED, Json(answer)).into_response())
        }
        Made::Before(before) => call.answer(&app, &before),
    }
}

/// `PATCH /webhook_endpoints/{id}`.
///
/// # Errors
/// [`Failure`].
pub async fn change(
    State(app): State<App>,
    Manager(application): Manager,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Value>, Failure> {
    let unknown = || Failure::NotFound { id: id.clone() };
    let endpoint = EndpointId::parse(&id).map_err(|_| unknown())?;
    let (body, _) = Body::read(request).await?;
    let change = body.check(&application)?;
    let changed = app.store.change_endpoint(&application.app, &endpoint, change, app.clock.now()).await?;
    let changed = changed.map_err(|why| refused(why, &id))?;
    tracing::info!(app = %application.app, endpoint = %endpoint, "a webhook endpoint was changed");
    Ok(Json(show(&app, &changed)?))
}

/// `DELETE /webhook_endpoints/{id}`.
///
/// # Errors
/// [`Failure`].
pub async fn delete(
    State(app): State<App>,
    Manager(application): Manager,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let unknown = || Failure::NotFound { id: id.clone() };
    let endpoint = EndpointId::parse(&id).map_err(|_| unknown())?;
    if !app.store.delete_endpoint(&application.app, &endpoint).await? {
        return Err(unknown());
    }
    tracing::info!(app = %application.app, %endpoint, "a webhook endpoint was deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// On the wire. The SDKs cannot read an endpoint without its secret, so it is always there: for its own application only.
fn show(app: &App, endpoint: &Endpoint) -> Result<Value, Failure> {
    let secret = app.sealer.open_bytes(Purpose::WebhookSecret, &endpoint.sealed)?;
    let secret = std::str::from_utf8(&secret).map_err(|_| SealError::Forged)?;
    Ok(json!({
        "object": "webhook_endpoint",
        "id": endpoint.id.as_str(),
        "endpoint_url": endpoint.url,
        "secret": secret,
        "status": if endpoint.enabled { "enabled" } else { "disabled" },
        "events": endpoint.events,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }))
}
