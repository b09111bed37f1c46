//! LogoutRequests from server to server (Bindings section 3.2), at `/saml/slo/soap` and at the address of a connection. Neither cookies nor headers mean anything
//! here; the signature does.

use std::time::Duration;

use acquit_saml::{
    binding::soap::{self, FaultCode},
    message::{Code, Kind, Message, Status},
};
use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{answer as answers, incoming, party::Party, slo};
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
    serve(&app, &address, request, "/saml/slo/soap", None).await
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

/// Answers what was posted to the SOAP address at this path: of any application, or of one party alone.
pub(crate) async fn serve(app: &App, address: &str, request: Request, path: &str, only: Option<&Party>) -> Response {
    match body(request).await {
        Ok(body) => answer(take(app, address, body, path, only).await),
        Err(response) => response,
    }
}

async fn take(app: &App, address: &str, body: Vec<u8>, path: &str, only: Option<&Party>) -> Result<String, Trouble> {
    let fault = |error: acquit_saml::Error| Trouble::Fault(error.to_string());
    let arrived = soap::decode(body).map_err(fault)?;
    let (id, party, verified) = {
        let message = Message::open(&arrived, &[Kind::LogoutRequest]).map_err(fault)?;
        incoming::heard(&message);
        let party = incoming::sender(app, &message, only);
        let here = incoming::here(app, path);
        let verified = match &party {
            Ok(party) if party.has_expired(app.clock.now()) => Err(incoming::EXPIRED.to_owned()),
            Ok(party) => slo::verified(app, party, &message, &here).map_err(|error| error.to_string()),
            Err(why) => Err((*why).to_owned()),
        };
        // Whoever it is that asks is answered in the name that the address is of.
        (message.id().to_owned(), party.ok().or_else(|| only.cloned()), verified)
    };
    let (party, request) = match (party, verified) {
        (Some(party), Ok(request)) => (party, request),
        (party, verified) => {
            app.limits().try_bare_logout(address)?;
            return denied(app, party.as_ref(), &id, verified.err().unwrap_or_default());
        }
    };
    let asked = slo::asked(&party, request, None);
    let Some(ended) = slo::end(app, &party, &asked, address, None).await? else {
        return denied(app, Some(&party), &id, "this request was answered before".to_owned());
    };
    let status = if ended.knows_nobody(&party) {
        slo::unknown_principal()
    } else {
        way_out::status(app, &ended.logouts, PATIENCE).await?
    };
    envelope(app, Some(&party), &id, status)
}

/// SAML's own errors are an answer like any other.
fn denied(app: &App, party: Option<&Party>, request: &str, why: String) -> Result<String, Trouble> {
    tracing::info!(why, "a LogoutRequest over SOAP is refused");
    let mut status = Status::new(Code::Requester, "RequestDenied");
    status.message = Some(why).filter(|why| !why.is_empty());
    envelope(app, party, request, status)
}

fn envelope(app: &App, party: Option<&Party>, request: &str, status: Status) -> Result<String, Trouble> {
    let response = answers::logout_response(app, party, status, request, None)?;
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
