//! `/saml/slo/soap`: LogoutRequests from server to server (Bindings section 3.2). Neither cookies nor headers mean anything
//! here; the signature does.

use std::{sync::Arc, time::Duration};

use acquit_saml::{
    binding::soap::{self, FaultCode},
    message::{Code, Kind, Message, Status},
};
use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    answer as answers, incoming,
    registry::Sp,
    slo::{self, Ended},
};
use crate::{
    App,
    door::DoorError,
    form::{self, Address, BodyError},
    way_out,
};

/// How long the answer waits for the applications that the server tells by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// `POST /saml/slo/soap`.
pub async fn receive(State(app): State<App>, Address(address): Address, request: Request) -> Response {
    match body(request).await {
        Ok(body) => answer(take(&app, &address, body).await),
        Err(response) => response,
    }
}

/// The bytes of what should be an envelope; else the answer.
pub(super) async fn body(request: Request) -> Result<Vec<u8>, Response> {
    if !form::is_type(request.headers(), "text/xml") {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "SOAP 1.1 is text/xml\n").into_response());
    }
    form::read(request.into_body()).await.map(|body| body.to_vec()).map_err(|error| {
        let status =
            if matches!(error, BodyError::TooLong) { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
        (status, error.to_string()).into_response()
    })
}

/// The envelope of an answer, or why there is none.
pub(super) fn answer(result: Result<String, Trouble>) -> Response {
    match result {
        Ok(envelope) => xml(StatusCode::OK, envelope),
        Err(Trouble::Fault(words)) => fault(FaultCode::Client, &words),
        Err(Trouble::Door(error @ DoorError::TooMany(_))) => error.into_response(),
        Err(Trouble::Door(error)) => {
            tracing::warn!(%error, "a SAML request over SOAP could not be answered");
            fault(FaultCode::Server, "nothing was reported as done that was not done; try again in a moment")
        }
    }
}

/// Why a request over SOAP has no answer of SAML.
pub(super) enum Trouble {
    /// No envelope with a message that could be answered.
    Fault(String),
    /// Ours.
    Door(DoorError),
}

impl<E: Into<DoorError>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Door(error.into())
    }
}

async fn take(app: &App, address: &str, body: Vec<u8>) -> Result<String, Trouble> {
    let fault = |error: acquit_saml::Error| Trouble::Fault(error.to_string());
    let arrived = soap::decode(body).map_err(fault)?;
    let (id, sp, verified) = {
        let message = Message::open(&arrived, &[Kind::LogoutRequest]).map_err(fault)?;
        incoming::heard(&message);
        let sp: Option<Arc<Sp>> = app.clients.service_providers().by_entity(message.issuer());
        let here = incoming::here(app, "/saml/slo/soap");
        let verified = match &sp {
            Some(sp) if sp.has_expired(app.clock.now()) => Err(incoming::EXPIRED.to_owned()),
            Some(sp) => slo::verified(app, sp, &message, &here).map_err(|error| error.to_string()),
            None => Err("no application with this entity ID is registered here".to_owned()),
        };
        (message.id().to_owned(), sp, verified)
    };
    let (sp, request) = match (sp, verified) {
        (Some(sp), Ok(request)) => (sp, request),
        (_, Err(why)) => {
            app.limits().try_bare_logout(address)?;
            return denied(app, &id, why);
        }
        (None, Ok(_)) => return denied(app, &id, String::new()),
    };
    let asked = slo::asked(&sp, request, None);
    let Some(Ended { logouts, .. }) = slo::end(app, &sp, &asked, address, None).await? else {
        return denied(app, &id, "this request was answered before".to_owned());
    };
    let status =
        if logouts.is_empty() { slo::unknown_principal() } else { way_out::status(app, &logouts, PATIENCE).await? };
    envelope(app, &id, status)
}

/// SAML's own errors are an answer like any other.
fn denied(app: &App, request: &str, why: String) -> Result<String, Trouble> {
    tracing::info!(why, "a LogoutRequest over SOAP is refused");
    let mut status = Status::new(Code::Requester, "RequestDenied");
    status.message = Some(why).filter(|why| !why.is_empty());
    envelope(app, request, status)
}

fn envelope(app: &App, request: &str, status: Status) -> Result<String, Trouble> {
    let response = answers::logout_response(app, status, request, None)?;
    soap::encode(&response, &answers::signer(app)?).map_err(|error| Trouble::Door(answers::ours(error)))
}

fn fault(code: FaultCode, words: &str) -> Response {
    match soap::fault(code, words) {
        Ok(envelope) => xml(StatusCode::INTERNAL_SERVER_ERROR, envelope),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn xml(status: StatusCode, envelope: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(soap::CONTENT_TYPE))], envelope).into_response()
}
