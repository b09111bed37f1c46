//! The application's server: its page, its sign-in and sign-out.

use std::{collections::HashMap, sync::Arc};

use acquit_saml::{
    Error,
    binding::{Arrived, post, redirect},
    message::{Answer, Expect, Header, Kind, LogoutRequest, Message, ResponseRules},
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

use super::{Binding, Shared, SpSession, new_id, told};
use crate::rp::lock;

pub(super) type App = State<Arc<Shared>>;

/// Serves until it is aborted.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new()
        .route("/", get(home))
        .route("/login", get(login))
        .route("/metadata", get(metadata))
        .route("/logout", get(logout))
        .route("/acs", on_post(acs).get(acs_artifact))
        .route("/slo", get(told::by_redirect).post(told::by_post))
        .route("/slo/soap", on_post(told::by_soap))
        .with_state(shared);
    serve_router(listener, router).await;
}

/// Serves until it is aborted, and cuts what hangs then: axum's own loop lets its connections outlive the task, and a closed
/// application would go on answering.
pub(crate) async fn serve_router(listener: TcpListener, router: Router) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        connections.spawn(async move {
            let stream = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
        });
    }
}

pub(crate) fn page(status: StatusCode, mark: &str, session: &str, text: &str) -> Response {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<!doctype html><html lang=\"en\"><title>{mark}</title><main data-page=\"{mark}\" data-session=\"{session}\">\
         <h1>{text}</h1></main></html>"
    );
    (status, [(header::CACHE_CONTROL, "no-store")], Html(body)).into_response()
}

pub(crate) fn form_page(form: &post::Form) -> Response {
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

/// The application's own sign-out: ends the browser's session here and sends a LogoutRequest for it.
async fn logout(State(shared): App, headers: HeaderMap) -> Response {
    let session = cookie(&shared, &headers).and_then(|cookie| {
        let mut sessions = lock(&shared.sessions);
        let session = sessions.get_mut(&cookie).filter(|session| session.live)?;
        session.live = false;
        Some(session.clone())
    });
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

pub(crate) fn from_form(body: &[u8]) -> Result<Arrived, String> {
    let fields: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    post::decode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))).map_err(|error| error.to_string())
}
