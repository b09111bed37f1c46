//! The apps that a person may open: a page on every host of a route, and Pomerium's list of them.

use std::sync::Arc;

use acquit_gateway::{identity::Identity, route::Route};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{SIGN_OUT, forbidden, host::RouteHost, user::signed_in};
use crate::{
    App,
    pages::apps::{AppEntry, Apps},
    random, respond,
};

/// `GET /.acquit/`, `/.acquit/routes` and the same below `/.pomerium`: who you are, and your apps.
pub async fn page(State(app): State<App>, RouteHost(origin): RouteHost, uri: Uri, headers: HeaderMap) -> Response {
    let identity = match signed_in(&app, &origin, (&uri, &headers)).await {
        Ok(identity) => identity,
        Err(response) => return response,
    };
    let entry =
        |route: &Arc<Route>| AppEntry { name: route.label().to_owned(), url: url(route), here: route.from == origin };
    let page = Apps {
        user: forbidden::label(&identity).to_owned(),
        email: identity.email.clone(),
        groups: identity.groups.clone(),
        apps: open_to(&app, &identity).iter().map(entry).collect(),
        account: format!("{}/account", app.issuer()),
        sign_out: SIGN_OUT.to_owned(),
    };
    respond::page(StatusCode::OK, &page)
}

/// `GET /.pomerium/api/v1/routes`: the same as JSON.
pub async fn list(State(app): State<App>, RouteHost(origin): RouteHost, uri: Uri, headers: HeaderMap) -> Response {
    match signed_in(&app, &origin, (&uri, &headers)).await {
        Ok(identity) => {
            let routes: Vec<Value> = open_to(&app, &identity).iter().map(|route| object(route)).collect();
            Json(json!({ "routes": routes })).into_response()
        }
        Err(response) => response,
    }
}

fn object(route: &Route) -> Value {
    json!({
        // Made of what it is, so that it stays the same for as long as that does.
        "id": acquit_oidc::jose::encode(&random::hash_bytes(url(route).as_bytes())[..12]),
        "name": route.label(),
        "type": "http",
        "from": route.from.to_string(),
        "description": "",
        "logo_url": "",
    })
}

fn url(route: &Route) -> String {
    format!("{}{}", route.from, route.prefix)
}

/// The routes that somebody may pass, by name.
fn open_to(app: &App, identity: &Identity) -> Vec<Arc<Route>> {
    let routes = app.gate.routes();
    let mut open: Vec<Arc<Route>> = routes.iter().filter(|route| route.allow.admits(identity)).cloned().collect();
    open.sort_by(|one, other| (one.label(), url(one)).cmp(&(other.label(), url(other))));
    open
}
