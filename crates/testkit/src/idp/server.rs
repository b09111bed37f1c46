//! The provider's server: its sign-in, which asks nobody, and its doors for logout messages.

use std::sync::Arc;

use acquit_saml::{
    Error,
    binding::{Arrived, post, redirect, soap},
    message::{Code, Expect, Header, Kind, LogoutRequest, LogoutResponse, Message, SignWhat, Status},
    names::{HTTP_POST, HTTP_REDIRECT},
};
use axum::{
    Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post as on_post},
};
use tokio::net::TcpListener;

use super::{Shared, Told};
use crate::{
    rp::lock,
    sp::{Binding, Manner, form_page, from_form, new_id, page, serve_router},
};

type App = State<Arc<Shared>>;

/// Serves until it is aborted.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new()
        .route("/metadata", get(metadata))
        .route("/sso", get(sso))
        .route("/slo", get(by_redirect).post(by_post))
        .route("/slo/soap", on_post(by_soap))
        .with_state(shared);
    serve_router(listener, router).await;
}

async fn metadata(State(shared): App) -> Response {
    let metadata = shared.metadata.get().cloned().unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/samlmetadata+xml")], metadata).into_response()
}

async fn sso(State(shared): App, RawQuery(query): RawQuery) -> Response {
    let request = match shared.asked(&query.unwrap_or_default()) {
        Ok(request) => request,
        Err(error) => return page(StatusCode::BAD_REQUEST, "sso-failed", "none", &error.to_string()),
    };
    let response = shared.response(&request);
    let recipient = shared.sp().0.recipient().filter(|_| *lock(&shared.encrypts));
    let acs = response.header.destination.clone().unwrap_or_default();
    form_page(&post::encode_response(&response, &acs, None, &shared.signer, SignWhat::Both, recipient).unwrap())
}

async fn by_redirect(State(shared): App, RawQuery(query): RawQuery) -> Response {
    let arrived = redirect::decode(&query.unwrap_or_default()).map_err(|error| error.to_string());
    slo(&shared, arrived, Binding::Redirect).await
}

async fn by_post(State(shared): App, body: Bytes) -> Response {
    slo(&shared, from_form(&body), Binding::Post).await
}

async fn by_soap(State(shared): App, body: Bytes) -> Response {
    slo(&shared, soap::decode(body.to_vec()).map_err(|error| error.to_string()), Binding::Soap).await
}

async fn slo(shared: &Shared, arrived: Result<Arrived, String>, by: Binding) -> Response {
    let path = if by == Binding::Soap { "/slo/soap" } else { "/slo" };
    let arrived = match arrived {
        Ok(arrived) => arrived,
        Err(error) => return page(StatusCode::BAD_REQUEST, "slo-failed", "none", &error),
    };
    match shared.hear(&arrived, &format!("{}{path}", shared.origin)) {
        Ok(Heard::Answer(status)) => {
            let said = status.to_string();
            shared.note(Told { what: "LogoutResponse", by, name: None, indexes: Vec::new(), said: said.clone() });
            page(StatusCode::OK, "landing", "none", &said)
        }
        Ok(Heard::Request(request)) => {
            shared.note(Told {
                what: "LogoutRequest",
                by,
                name: Some(request.name_id.clone()),
                indexes: request.session_indexes.clone(),
                said: String::new(),
            });
            shared.answer(&request, by, arrived.relay_state()).await
        }
        Err(error) => {
            let said = error.to_string();
            shared.note(Told { what: "LogoutRequest", by, name: None, indexes: Vec::new(), said: said.clone() });
            page(StatusCode::BAD_REQUEST, "slo-failed", "none", &said)
        }
    }
}

enum Heard {
    Request(Box<LogoutRequest>),
    Answer(Status),
}

impl Shared {
    fn note(&self, told: Told) {
        lock(&self.told).push(told);
    }

    fn hear(&self, arrived: &Arrived, here: &str) -> Result<Heard, Error> {
        let message = Message::open(arrived, &[Kind::LogoutRequest, Kind::LogoutResponse])?;
        let here = [here];
        let signed = message.verify(&self.sp().1, &Expect::new(&here, self.now()))?;
        if message.kind() == Kind::LogoutRequest {
            return Ok(Heard::Request(Box::new(LogoutRequest::from_signed(&signed, &[])?.into_inner())));
        }
        let request = message.in_response_to().unwrap_or_default().to_owned();
        if !lock(&self.asked).contains(&request) {
            return Err(Error::InResponseTo);
        }
        Ok(Heard::Answer(LogoutResponse::from_signed(&signed, &request)?.into_inner().status))
    }

    async fn answer(&self, request: &LogoutRequest, by: Binding, relay: Option<&str>) -> Response {
        let manner = *lock(&self.manner);
        let status = match manner {
            Manner::Hang => return std::future::pending().await,
            Manner::Wander => return page(StatusCode::OK, "wandered", "none", "You are out here."),
            Manner::Refuse => Status::new(Code::Responder, "RequestDenied"),
            Manner::Partly => Status::partial_logout(),
            Manner::Honour | Manner::Forge => Status::success(),
        };
        let stranger = super::Signer::generate(super::KeyKind::P256).unwrap();
        let stranger = super::Signer::self_signed(&stranger, "stranger").unwrap();
        let signer = if manner == Manner::Forge { &stranger } else { &self.signer };
        let binding = if by == Binding::Post { HTTP_POST } else { HTTP_REDIRECT };
        let to = self.sp().0.role.logout_by(binding).unwrap().for_answers().to_owned();
        let mut header = Header::new(&new_id(), self.now(), &self.entity_id(), &to).answering(&request.header.id);
        if by == Binding::Soap {
            header.destination = None;
        }
        let answer = LogoutResponse { header, status };
        match by {
            Binding::Soap => {
                ([(header::CONTENT_TYPE, soap::CONTENT_TYPE)], soap::encode(&answer, signer).unwrap()).into_response()
            }
            Binding::Redirect => {
                Redirect::to(&redirect::encode(&answer, &to, relay, Some(signer)).unwrap()).into_response()
            }
            Binding::Post => form_page(&post::encode(&answer, &to, relay, signer).unwrap()),
        }
    }

    /// The status in an answer over SOAP; else what is wrong with it.
    pub(super) fn read_answer(&self, body: Vec<u8>, request: &str) -> String {
        let read = || -> Result<String, Error> {
            let arrived = soap::decode(body)?;
            let message = Message::open(&arrived, &[Kind::LogoutResponse])?;
            let signed = message.verify(&self.sp().1, &Expect::new(&[], self.now()))?;
            Ok(LogoutResponse::from_signed(&signed, request)?.into_inner().status.to_string())
        };
        read().unwrap_or_else(|error| error.to_string())
    }
}
