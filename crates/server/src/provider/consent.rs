//! `/consent`: may this application know these things?

use acquit_oidc::error::{ErrorCode, OAuthError};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use url::Url;

use super::authorize::deliver;
use crate::{
    App,
    browser::Browser,
    door::DoorError,
    flow::{Flow, Pending},
    form::{Form, Query},
    pages::{FormTargets, Hidden, consent::Consent},
    respond,
};

const FORM: &str = "consent";

fn open(app: &App, sealed: Option<&str>) -> Result<Pending, DoorError> {
    match Flow::open(app, sealed.unwrap_or_default())? {
        Flow::Authorize(pending) => Ok(*pending),
        Flow::Saml(_) | Flow::Broker(_) | Flow::Route(_) | Flow::Account => Err(DoorError::Expired),
    }
}

/// `GET /consent`: the question.
pub async fn show(State(app): State<App>, headers: HeaderMap, Query(query): Query) -> Result<Response, DoorError> {
    let mut browser = Browser::look_up(&app, &headers).await?;
    let pending = open(&app, query.get("continue"))?;
    let csrf = browser.form_token(&app, FORM)?;
    let Some(view) = &browser.session else {
        let sealed = Flow::Authorize(Box::new(pending)).seal(&app)?;
        return Ok(respond::see_other(&format!("/sign-in?continue={sealed}")));
    };
    let redirect = Url::parse(&pending.request.return_path.redirect_uri).ok();
    let page = Consent {
        action: "/consent".to_owned(),
        hidden: vec![Hidden::new("csrf", csrf), Hidden::new("continue", query.get("continue").unwrap_or_default())],
        application: pending.application.clone(),
        host: redirect.and_then(|url| url.host_str().map(str::to_owned)),
        user: view.user.label().to_owned(),
        scopes: pending.request.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        targets: FormTargets::Any,
    };
    let mut response = respond::page(StatusCode::OK, &page);
    if let Some(cookie) = browser.fresh_cookie(&app) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `POST /consent`: the answer.
pub async fn answer(State(app): State<App>, headers: HeaderMap, Form(form): Form) -> Result<Response, DoorError> {
    let browser = Browser::look_up(&app, &headers).await?;
    browser.check_form(&app, &headers, FORM, form.get("csrf").unwrap_or_default())?;
    let mut pending = open(&app, form.get("continue"))?;
    let view = browser.session.as_ref().ok_or(DoorError::Expired)?;
    let client = app.clients.find(&pending.request.client_id).await?.ok_or(DoorError::Expired)?;
    match form.get("decision") {
        Some("allow") => {
            let scopes: Vec<String> = pending.request.scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
            app.store.record_consent(&view.user.id, &client.app, &scopes, app.clock.now()).await?;
            pending.consent_given_by = Some(view.user.id.clone());
            Ok(respond::see_other(&Flow::Authorize(Box::new(pending)).onward(&app)?))
        }
        Some("deny") => {
            // Its redirect URI may have been withdrawn while the person was thinking.
            if !client.may_redirect_to(&pending.request.return_path.redirect_uri) {
                return Err(DoorError::parameter("redirect_uri", "is not registered for this client"));
            }
            let error = OAuthError::new(ErrorCode::AccessDenied, "the person said no");
            Ok(deliver(&app, &client, pending.request.error(app.issuer(), &error)))
        }
        _ => Err(DoorError::parameter("decision", "choose to allow or to deny")),
    }
}
