//! Signing out here (Profiles section 4.4): the application ends its own session and sends the browser to the identity
//! provider with a LogoutRequest. The provider tells the others, and answers.

use std::time::Duration;

use acquit_oidc::params::Params;
use acquit_saml::{
    binding::redirect,
    message::{Header, LogoutRequest, REASON_USER},
};
use acquit_server::{form, provenance, respond};
use axum::{
    extract::{Request, State},
    response::Response,
};

use super::{Saml, new_id};
use crate::demo::app::{error::AppError, sessions::Proof};

/// How long the way through the identity provider may take.
const LEAVING_LIFE: Duration = Duration::from_secs(15 * 60);
/// How long the request counts.
const REQUEST_LIFE: Duration = Duration::from_secs(5 * 60);

/// `POST /sign-out`: `then=receipt` ends at the provider's own page, with the receipt, since an asynchronous request is not
/// answered; `then=back` comes back here with the answer.
pub(super) async fn begin(State(app): State<Saml>, request: Request) -> Result<Response, AppError> {
    let headers = request.headers().clone();
    if !provenance::same_origin(&headers, &app.origin) {
        return Err(AppError::Foreign);
    }
    let body = form::read_form(request).await.map_err(|error| AppError::Answer(error.to_string()))?;
    let params = Params::parse(&body).map_err(|error| AppError::Answer(error.to_string()))?;
    let (id, now) = (new_id()?, app.now());
    let session = app.read_cookie(&headers, "session").and_then(|handle| app.memory().sessions.end(&handle, now));
    let Some((Proof::NameId(name_id), index)) = session.map(|session| (session.proof, session.sid)) else {
        return Ok(respond::see_other("/"));
    };
    let back = params.get("then") == Some("back");
    let request = LogoutRequest {
        header: Header::new(&id, now, &app.own.entity_id, &app.slo.location),
        not_on_or_after: Some(now.plus(REQUEST_LIFE)),
        reason: Some(REASON_USER.to_owned()),
        name_id,
        session_indexes: index.into_iter().collect(),
        asynchronous: !back && app.slo.asynchronous,
    };
    let url = redirect::encode(&request, &app.slo.location, None, Some(&app.own.signer))?;
    app.memory().leaving.insert(id.as_str().to_owned(), (), now, LEAVING_LIFE);
    Ok(respond::see_other(&url))
}
