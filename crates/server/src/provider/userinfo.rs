//! `/oauth2/v1/userinfo`: what an access token may know of its user (OpenID Connect Core section 5.3).

use acquit_oidc::{
    claims::{ClaimsRequest, Person, userinfo},
    error::{ErrorCode, OAuthError},
    params::Params,
    scope::{Scope, Scopes},
};
use acquit_store::user::User;
use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, Method, header},
};
use serde_json::{Map, Value};

use super::error::{Failure, ours, unreadable};
use crate::{App, broker::person::address, form, random};

/// A user as claims tell of them.
pub(super) fn person(app: &App, user: &User) -> Person {
    let email = address(&app.clients, user);
    Person {
        subject: user.id.to_string(),
        username: user.username.clone(),
        name: user.name.clone(),
        email: email.map(str::to_owned),
        email_verified: email.is_some() && user.email_verified,
        groups: user.groups.clone(),
        locale: None,
        updated_at: None,
    }
}

fn bad(why: &'static str) -> Failure {
    Failure::from(OAuthError::new(ErrorCode::InvalidRequest, why)).with_bearer_challenge()
}

/// The token that the request carries: in the header or, by POST, in the form; never in the query (RFC 6750 section 2.3).
async fn token(request: Request) -> Result<String, Failure> {
    let in_header = bearer(request.headers())?;
    let is_form = request.method() == Method::POST && form::is_type(request.headers(), form::FORM);
    let in_form = if is_form {
        let body = form::read_form(request).await.map_err(unreadable)?;
        Params::parse(&body)?.owned("access_token")
    } else {
        None
    };
    match (in_header, in_form) {
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (Some(_), Some(_)) => Err(bad("the access token was sent in more than one way")),
        (None, None) => Err(Failure::from(OAuthError::new(ErrorCode::InvalidToken, "an access token is needed"))
            .with_bearer_challenge()),
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(bad("more than one Authorization header was sent"));
    }
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(token.trim().to_owned()))
    } else {
        Err(bad("the Authorization header must carry a Bearer token"))
    }
}

/// `GET` and `POST /oauth2/v1/userinfo`.
pub async fn show(State(app): State<App>, request: Request) -> Result<Json<Map<String, Value>>, Failure> {
    let token = token(request).await?;
    let now = app.clock.now();
    let view = app.store.access_token(&random::hash(&token)).await.map_err(|error| ours(&error))?;
    let live = view.filter(|view| {
        view.live(now, app.settings().lifetimes.session())
            && !app.denials.denies_grant(&view.grant.session, view.offline)
    });
    // A client that was deleted gets nothing any more.
    let client = match &live {
        Some(view) => app.clients.find(&view.grant.client_id).await.map_err(|error| ours(&error))?,
        None => None,
    };
    let (Some(view), Some(client)) = (live, client) else {
        let error = OAuthError::new(ErrorCode::InvalidToken, "the access token is not good, or not any more");
        return Err(Failure::from(error).with_bearer_challenge());
    };
    let scopes = Scopes::parse(&view.scope);
    if !scopes.has(Scope::OpenId) {
        let error = OAuthError::new(ErrorCode::InsufficientScope, "the access token lacks the scope openid");
        return Err(Failure::from(error).with_bearer_challenge());
    }
    app.used(&view.grant.session).await.map_err(|error| ours(&error))?;
    let requested: ClaimsRequest =
        view.grant.claims.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    Ok(Json(userinfo(&client, &person(&app, &view.grant.user), scopes, &requested)))
}
