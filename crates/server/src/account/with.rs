//! `/sign-in/with/{connection}`: a person goes to an identity provider instead of typing a password.

use acquit_core::ConnectionId;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};

use crate::{
    App,
    broker::trip::{self, NoTrip, Wishes},
    door::DoorError,
    flow::Flow,
    form::Query,
    pages::sign_in::ConnectionLink,
    provenance::only_top_level,
    provider::upstream::Source,
};

/// `GET`. Changes nothing here.
pub async fn go(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Query(query): Query,
) -> Result<Response, DoorError> {
    only_top_level(&headers)?;
    let flow = Flow::open(&app, query.require("continue")?)?;
    let connection = ConnectionId::parse(&id).ok().and_then(|id| app.clients.connections().find(&id));
    let connection = connection.ok_or(DoorError::NotFound)?;
    // Whoever has to prove again who they are does so there.
    let wishes = Wishes { prompt: flow.wants_proof().then(|| "login".to_owned()), ..Wishes::default() };
    trip::leave(&app, &headers, &connection, flow, &wishes).await.map_err(|error| match error {
        NoTrip::Door(error) => error,
        error => DoorError::BadRequest { parameter: None, reason: error.to_string() },
    })
}

/// The providers to offer: those that the application asks for, if it does, else the operator's own and those of the customer
/// whose mail domain the person's name has. Who the customers are is nobody's business.
#[must_use]
pub fn links(app: &App, flow: &Flow, username: &str, sealed: &str) -> Vec<ConnectionLink> {
    let connections = app.clients.connections();
    let asked = match flow {
        Flow::Authorize(pending) => Source::of(connections, &pending.request).unwrap_or(Source::Anywhere),
        Flow::Saml(_) | Flow::Broker(_) | Flow::Route(_) | Flow::Account => Source::Anywhere,
    };
    let offered = match asked {
        Source::Through(asked) => asked,
        Source::Anywhere => {
            let domain = username.rsplit_once('@').map(|(_, domain)| domain);
            let organization = domain.and_then(|domain| connections.by_domain(domain));
            let mut all = connections.all();
            all.retain(|connection| match &connection.organization {
                None => true,
                Some(of) => organization.as_ref().is_some_and(|organization| organization.id == *of),
            });
            all
        }
    };
    let link = |connection: std::sync::Arc<crate::settings::Connection>| ConnectionLink {
        id: connection.id.to_string(),
        name: connection.name.clone(),
        href: format!("/sign-in/with/{}?continue={sealed}", connection.id),
    };
    offered.into_iter().map(link).collect()
}
