//! The application's server: its page, its sign-in, its doors for logout messages.

use std::{collections::HashMap, sync::Arc};

use acquit_saml::{
    Error,
    binding::{Arrived, post, redirect, soap},
    message::{Answer, Code, Expect, Header, Kind, LogoutRequest, LogoutResponse, Message, ResponseRules, Status},
    names::{HTTP_POST, HTTP_REDIRECT},
};
use axum::{
    Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post as on_post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::net::TcpListener;

use super::{Binding, Entry, Manner, Shared, SpSession, new_id};
use crate::rp::lock;

type App = State<Arc<Shared>>;

/// Serves until it is aborted.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new()
        .route("/", get(home))
        .route("/login", get(login))
        .route("/metadata", get(metadata))
        .route("/logout", get(logout))
        .route("/acs", on_post(acs).get(acs_artifact))
        .route("/slo", get(slo_redirect).post(slo_post))
        .route("/slo/soap", on_post(slo_soap))
        .with_state(shared);
    // Not axum's own loop: its connections would outlive the task, and a closed application would go on answering.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        connections.spawn(async move {
            let stream = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
        });
    }
}

fn page(status: StatusCode, mark: &str, session: &str, text: &str) -> Response {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<!doctype html><html lang=\"en\"><title>{mark}</title><main data-page=\"{mark}\" data-session=\"{session}\">\
         <h1>{text}</h1></main></html>"
    );
    (status, [(header::CACHE_CONTROL, "no-store")], Html(body)).into_response()
}

fn form_page(form: &post::Form) -> Response {
    let relay = form.relay_state.as_ref().map_or(String::new(), |relay| {
        let relay = relay.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        format!("<input type=\"hidden\" name=\"RelayState\" value=\"{relay}\">")
    });
    Html(format!(
        "<!doctype html><html lang=\"en\"><title>On</title><main data-page=\"form-post\">\
         <form method=\"post\" action=\"{}\" data-form-post><input type=\"hidden\" name=\"{}\" value=\"{}\">{relay}</form>\
         </main><script>document.forms[0].submit()</script></html>",
        form.action, form.field, form.message
    ))
    .into_response()
}

fn cookie(shared: &Shared, headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == shared.cookie()).map(|(_, value)| value.to_owned())
}

async fn home(State(shared): App, headers: HeaderMap) -> Response {
    let session = cookie(&shared, &headers).and_then(|cookie| lock(&shared.sessions).get(&cookie).cloned());
    match session {
        Some(session) if session.live => page(StatusCode::OK, "home", "live", &session.name_id.value),
        _ => page(StatusCode::OK, "home", "none", "Nobody is signed in."),
    }
}

async fn metadata(State(shared): App) -> String {
    shared.metadata.get().cloned().unwrap_or_default()
}

async fn login(State(shared): App, RawQuery(query): RawQuery) -> Response {
    let query: HashMap<String, String> =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let (idp, _) = shared.idp().await;
    let by_post = query.contains_key("post");
    let binding = if by_post { HTTP_POST } else { HTTP_REDIRECT };
    let to = idp.single_sign_on.iter().find(|endpoint| endpoint.binding == binding).unwrap().location.clone();
    let request = shared.authn_request(&to, &query);
    let relay = query.get("relay").map(String::as_str);
    if by_post {
        form_page(&post::encode(&request, &to, relay, &shared.signer).unwrap())
    } else {
        Redirect::to(&redirect::encode(&request, &to, relay, Some(&shared.signer)).unwrap()).into_response()
    }
}

/// The application's own sign-out: a LogoutRequest for the browser's session.
async fn logout(State(shared): App, headers: HeaderMap) -> Response {
    let session = cookie(&shared, &headers).and_then(|cookie| lock(&shared.sessions).get(&cookie).cloned());
    let Some(session) = session else { return page(StatusCode::BAD_REQUEST, "nobody", "none", "Nobody is signed in.") };
    let (idp, _) = shared.idp().await;
    let by_post = shared.told == Binding::Post;
    let to = idp.role.logout_by(if by_post { HTTP_POST } else { HTTP_REDIRECT }).unwrap().location.clone();
    let id = new_id();
    lock(&shared.asked).push(id.as_str().to_owned());
    let request = LogoutRequest {
        header: Header::new(&id, shared.now(), &shared.entity_id(), &to),
        not_on_or_after: None,
        reason: None,
        name_id: session.name_id,
        session_indexes: vec![session.index],
        asynchronous: false,
    };
    if by_post {
        form_page(&post::encode(&request, &to, Some("back"), &shared.signer).unwrap())
    } else {
        Redirect::to(&redirect::encode(&request, &to, Some("back"), Some(&shared.signer)).unwrap()).into_response()
    }
}

async fn acs(State(shared): App, body: Bytes) -> Response {
    let answer = async {
        let arrived = from_form(&body)?;
        let relay = arrived.relay_state().map(str::to_owned);
        let (_, trust) = shared.idp().await;
        let message = Message::open(&arrived, &[Kind::Response]).map_err(words)?;
        let answer = shared.judge(message.in_response_to(), |expect, rules| {
            Answer::receive(&message, &trust, expect, rules).map_err(words)
        })?;
        Ok((answer, relay))
    };
    let answer = answer.await;
    sign_in(&shared, answer)
}

/// An artifact: what it stands for is fetched.
async fn acs_artifact(State(shared): App, RawQuery(query): RawQuery) -> Response {
    let answer = super::artifact::received(&shared, &query.unwrap_or_default()).await;
    sign_in(&shared, answer)
}

fn words(error: Error) -> String {
    error.to_string()
}

fn sign_in(shared: &Shared, answer: Result<(Answer, Option<String>), String>) -> Response {
    match answer.and_then(|(answer, relay)| Ok((accept(shared, answer)?, relay))) {
        Ok((name, relay)) => {
            let session = format!("{}={name}; Path=/; HttpOnly; SameSite=Lax", shared.cookie());
            let text = relay.unwrap_or_default();
            let mut response = page(StatusCode::OK, "signed-in", "live", &text);
            response.headers_mut().append(header::SET_COOKIE, session.parse().unwrap());
            response
        }
        Err(error) => page(StatusCode::OK, "sign-in-failed", "none", &error),
    }
}

impl Shared {
    /// Has an answer to a request of this application judged by its rules.
    pub(super) fn judge<T>(
        &self,
        request: Option<&str>,
        judge: impl FnOnce(&Expect<'_>, &ResponseRules<'_>) -> Result<T, String>,
    ) -> Result<T, String> {
        if request.is_some_and(|id| !lock(&self.asked).iter().any(|asked| asked == id)) {
            return Err("nobody asked for this".to_owned());
        }
        let here = format!("{}/acs", self.origin);
        let here = [here.as_str()];
        let expect = Expect::new(&here, self.now());
        let entity = self.entity_id();
        let keys: Vec<_> = self.decryption.iter().map(|(_, key, _)| key.clone()).collect();
        judge(&expect, &ResponseRules { audience: &entity, request, keys: &keys })
    }
}

fn accept(shared: &Shared, answer: Answer) -> Result<String, String> {
    let assertion = match answer {
        Answer::Assertion(assertion) => assertion,
        Answer::Refused(status) => return Err(status.to_string()),
    };
    if !lock(&shared.seen).insert(assertion.id.clone()) {
        return Err("this assertion came before".to_owned());
    }
    let mut bytes = [0; 24];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    let name = URL_SAFE_NO_PAD.encode(bytes);
    let session = SpSession {
        name_id: assertion.name_id,
        index: assertion.authn.session_index.ok_or("no SessionIndex")?,
        attributes: assertion.attributes.into_iter().map(|one| (one.name, one.values)).collect(),
        live: true,
    };
    lock(&shared.sessions).insert(name.clone(), session);
    Ok(name)
}

fn from_form(body: &[u8]) -> Result<Arrived, String> {
    let fields: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    post::decode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))).map_err(|error| error.to_string())
}

async fn slo_redirect(State(shared): App, RawQuery(query): RawQuery) -> Response {
    let arrived = redirect::decode(&query.unwrap_or_default()).map_err(|error| error.to_string());
    slo(&shared, arrived, Binding::Redirect).await
}

async fn slo_post(State(shared): App, body: Bytes) -> Response {
    slo(&shared, from_form(&body), Binding::Post).await
}

async fn slo_soap(State(shared): App, body: Bytes) -> Response {
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
