//! What the identity provider says of logouts: LogoutRequests by SOAP or through the browser, LogoutResponses through the
//! browser.

use std::time::Duration;

use acquit_saml::{
    Error,
    binding::{Arrived, post, redirect, soap as envelope},
    message::{Code, Expect, Header, Kind, LogoutRequest, LogoutResponse, Message, Status},
};
use acquit_server::{form, respond};
use axum::{
    extract::{Request, State},
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use super::{Saml, new_id};
use crate::demo::app::{
    error::AppError,
    page,
    sessions::{Asked, How},
};

/// How long it is remembered that a session ended, when the request does not say: longer than assertions live.
const OVER_LIFE: Duration = Duration::from_secs(60 * 60);

/// `GET /saml/slo`.
pub(super) async fn redirected(State(app): State<Saml>, uri: Uri) -> Result<Response, AppError> {
    through_the_browser(&app, &redirect::decode(uri.query().unwrap_or_default())?)
}

/// `POST /saml/slo`.
pub(super) async fn posted(State(app): State<Saml>, request: Request) -> Result<Response, AppError> {
    let body = form::read_form(request).await.map_err(|error| AppError::Answer(error.to_string()))?;
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let arrived = post::decode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
    through_the_browser(&app, &arrived)
}

fn through_the_browser(app: &Saml, arrived: &Arrived) -> Result<Response, AppError> {
    let message = Message::open(arrived, &[Kind::LogoutRequest, Kind::LogoutResponse])?;
    if message.kind() == Kind::LogoutResponse {
        return answered(app, &message);
    }
    let request = obey(app, &message, &app.own.slo, How::Hop)?;
    if request.asynchronous {
        return Ok(page::goodbye(app, None));
    }
    let to = app.slo.for_answers();
    let header = Header::new(&new_id()?, app.now(), &app.own.entity_id, to).answering(&request.header.id);
    let answer = LogoutResponse { header, status: Status::success() };
    Ok(respond::see_other(&redirect::encode(&answer, to, arrived.relay_state(), Some(&app.own.signer))?))
}

/// The answer to a sign-out that was begun here.
fn answered(app: &Saml, message: &Message<'_>) -> Result<Response, AppError> {
    let here = [app.own.slo.as_str()];
    let signed = message.verify(&app.trust, &Expect::new(&here, app.now()))?;
    let asked = message.in_response_to().unwrap_or_default();
    app.memory().leaving.take(asked, app.now()).ok_or(AppError::Begin)?;
    let status = LogoutResponse::from_signed(&signed, asked)?.into_inner().status;
    let words = if status.is_complete() {
        "Acquit’s answer is Success: every other app of the session has confirmed that it signed you out."
    } else if status.is_partial() {
        "Acquit’s answer is PartialLogout: not every other app of the session has confirmed that it signed you out."
    } else {
        "Acquit’s answer is that it did not do what it was asked to."
    };
    Ok(page::goodbye(app, Some(words)))
}

/// Does what a LogoutRequest says, if the identity provider signed it for this endpoint and it is fresh.
fn obey(app: &Saml, message: &Message<'_>, here: &str, how: How) -> Result<LogoutRequest, Error> {
    let (here, now) = ([here], app.now());
    let expect = Expect::new(&here, now);
    let signed = message.verify(&app.trust, &expect)?;
    let request = LogoutRequest::from_signed(&signed, &[])?.into_inner();
    let mut memory = app.memory();
    // One that came before does nothing, and is no mistake of the provider's either: its answer was lost. That nobody is
    // found is none: then nobody is signed in, which is what was asked for.
    if memory.seen.insert(request.header.id.clone(), (), now, expect.remember_until().since(now)) {
        let life = request.not_on_or_after.map_or(OVER_LIFE, |end| end.since(now) + expect.skew);
        for index in &request.session_indexes {
            memory.saml.over.insert(index.clone(), (), now, life);
        }
        let asked = Asked {
            name: &request.name_id,
            indexes: &request.session_indexes,
            idp: &app.provider.entity_id,
            sp: &app.own.entity_id,
        };
        memory.sessions.told_by_saml(&asked, how, now);
    }
    Ok(request)
}

/// `POST /saml/slo/soap`.
pub(super) async fn soap(State(app): State<Saml>, request: Request) -> Result<Response, AppError> {
    if !form::is_type(request.headers(), "text/xml") {
        return Ok(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
    }
    let Ok(body) = form::read(request.into_body()).await else {
        return Ok(StatusCode::BAD_REQUEST.into_response());
    };
    Ok(match answer(&app, body.to_vec()) {
        Ok(envelope) => xml(StatusCode::OK, envelope),
        Err(AppError::Saml(error)) => {
            xml(StatusCode::INTERNAL_SERVER_ERROR, envelope::fault(envelope::FaultCode::Client, &error.to_string())?)
        }
        Err(error) => return Err(error),
    })
}

/// The envelope with the answer. What is no message is an error, and what is not believed is answered with a refusal.
fn answer(app: &Saml, body: Vec<u8>) -> Result<String, AppError> {
    let arrived = envelope::decode(body)?;
    let message = Message::open(&arrived, &[Kind::LogoutRequest])?;
    let status = match obey(app, &message, &app.own.soap, How::Soap) {
        Ok(_) => Status::success(),
        Err(error) => Status { message: Some(error.to_string()), ..Status::new(Code::Requester, "RequestDenied") },
    };
    let mut header = Header::new(&new_id()?, app.now(), &app.own.entity_id, "").answering(message.id());
    header.destination = None;
    Ok(envelope::encode(&LogoutResponse { header, status }, &app.own.signer)?)
}

fn xml(status: StatusCode, envelope: String) -> Response {
    (status, [(header::CONTENT_TYPE, envelope::CONTENT_TYPE)], envelope).into_response()
}
