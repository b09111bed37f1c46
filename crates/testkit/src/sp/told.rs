//! The application's doors for logout messages: `/slo` and `/slo/soap`.

use acquit_saml::{
    Error,
    binding::{Arrived, post, redirect, soap},
    message::{Code, Expect, Header, Kind, LogoutRequest, LogoutResponse, Message, Status},
    names::{HTTP_POST, HTTP_REDIRECT},
};
use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};

use super::{
    Binding, Entry, Manner, Shared, new_id,
    server::{App, form_page, from_form, page},
};
use crate::rp::lock;

/// `GET /slo`.
pub(super) async fn by_redirect(State(shared): App, RawQuery(query): RawQuery) -> Response {
    let arrived = redirect::decode(&query.unwrap_or_default()).map_err(|error| error.to_string());
    slo(&shared, arrived, Binding::Redirect).await
}

/// `POST /slo`.
pub(super) async fn by_post(State(shared): App, body: Bytes) -> Response {
    slo(&shared, from_form(&body), Binding::Post).await
}

/// `POST /slo/soap`.
pub(super) async fn by_soap(State(shared): App, body: Bytes) -> Response {
    slo(&shared, soap::decode(body.to_vec()).map_err(|error| error.to_string()), Binding::Soap).await
}

async fn slo(shared: &Shared, arrived: Result<Arrived, String>, by: Binding) -> Response {
    let arrived = match arrived {
        Ok(arrived) => arrived,
        Err(error) => return page(StatusCode::BAD_REQUEST, "slo-failed", "none", &error),
    };
    let relay_state = arrived.relay_state().map(str::to_owned);
    let path = if by == Binding::Soap { "/slo/soap" } else { "/slo" };
    match hear(shared, &arrived, &format!("{}{path}", shared.origin)).await {
        Ok(Heard::Answer(status)) => {
            let said = status.to_string();
            let entry =
                Entry { what: "LogoutResponse", by, indexes: Vec::new(), ended: 0, said: said.clone(), relay_state };
            lock(&shared.ledger).push(entry);
            page(StatusCode::OK, "landing", "none", &said)
        }
        Ok(Heard::Request(request)) => obey(shared, *request, by, relay_state).await,
        Err(error) => {
            let entry =
                Entry { what: "LogoutRequest", by, indexes: Vec::new(), ended: 0, said: error.clone(), relay_state };
            lock(&shared.ledger).push(entry);
            page(StatusCode::BAD_REQUEST, "slo-failed", "none", &error)
        }
    }
}

enum Heard {
    Request(Box<LogoutRequest>),
    Answer(Status),
}

async fn hear(shared: &Shared, arrived: &Arrived, here: &str) -> Result<Heard, String> {
    let words = |error: Error| error.to_string();
    let (_, trust) = shared.idp().await;
    let message = Message::open(arrived, &[Kind::LogoutRequest, Kind::LogoutResponse]).map_err(words)?;
    let here = [here];
    let signed = message.verify(&trust, &Expect::new(&here, shared.now())).map_err(words)?;
    if !lock(&shared.seen).insert(signed.header().id.clone()) {
        return Err("this message came before".to_owned());
    }
    if message.kind() == Kind::LogoutRequest {
        let request = LogoutRequest::from_signed(&signed, &[]).map_err(words)?.into_inner();
        if request.not_on_or_after.is_none() {
            return Err("no NotOnOrAfter (Core section 3.7.3.2)".to_owned());
        }
        return Ok(Heard::Request(Box::new(request)));
    }
    let request = message.in_response_to().unwrap_or_default().to_owned();
    if !lock(&shared.asked).contains(&request) {
        return Err("nobody asked for this".to_owned());
    }
    Ok(Heard::Answer(LogoutResponse::from_signed(&signed, &request).map_err(words)?.into_inner().status))
}

async fn obey(shared: &Shared, request: LogoutRequest, by: Binding, relay: Option<String>) -> Response {
    let manner = *lock(&shared.manner);
    let entity = shared.entity_id();
    let (idp, _) = shared.idp().await;
    let ended = {
        let mut sessions = lock(&shared.sessions);
        let named = sessions.values_mut().filter(|session| {
            session.live
                && session.name_id.strongly_matches(&request.name_id, &idp.entity_id, &entity)
                && (request.session_indexes.is_empty() || request.session_indexes.contains(&session.index))
        });
        if matches!(manner, Manner::Refuse) { 0 } else { named.map(|session| session.live = false).count() }
    };
    lock(&shared.ledger).push(Entry {
        what: "LogoutRequest",
        by,
        indexes: request.session_indexes.clone(),
        ended,
        said: String::new(),
        relay_state: relay.clone(),
    });
    let status = match manner {
        Manner::Hang => return std::future::pending().await,
        Manner::Wander => return page(StatusCode::OK, "wandered", "none", "You are out here."),
        Manner::Refuse => Status::new(Code::Responder, "RequestDenied"),
        Manner::Partly => Status::partial_logout(),
        Manner::Honour | Manner::Forge => Status::success(),
    };
    let signer = if manner == Manner::Forge { &shared.stranger } else { &shared.signer };
    let (idp, _) = shared.idp().await;
    let binding = if by == Binding::Post { HTTP_POST } else { HTTP_REDIRECT };
    let to = idp.role.logout_by(binding).unwrap().for_answers().to_owned();
    let to = lock(&shared.answer_at).clone().filter(|_| by != Binding::Soap).unwrap_or(to);
    let mut header = Header::new(&new_id(), shared.now(), &entity, &to).answering(&request.header.id);
    if by == Binding::Soap {
        header.destination = None;
    }
    let answer = LogoutResponse { header, status };
    match by {
        Binding::Soap => {
            ([(header::CONTENT_TYPE, soap::CONTENT_TYPE)], soap::encode(&answer, signer).unwrap()).into_response()
        }
        Binding::Redirect => {
            Redirect::to(&redirect::encode(&answer, &to, relay.as_deref(), Some(signer)).unwrap()).into_response()
        }
        Binding::Post => form_page(&post::encode(&answer, &to, relay.as_deref(), signer).unwrap()),
    }
}

impl Shared {
    /// The status in an answer over SOAP; else what is wrong with it.
    pub(super) async fn read_answer(&self, body: Vec<u8>, request: &str) -> String {
        let (_, trust) = self.idp().await;
        let read = || -> Result<String, Error> {
            let arrived = soap::decode(body)?;
            let message = Message::open(&arrived, &[Kind::LogoutResponse])?;
            let signed = message.verify(&trust, &Expect::new(&[], self.now()))?;
            Ok(LogoutResponse::from_signed(&signed, request)?.into_inner().status.to_string())
        };
        read().unwrap_or_else(|error| error.to_string())
    }
}
