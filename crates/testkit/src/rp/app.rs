//! The application's server: its page, its doors.

use std::{convert::Infallible, sync::Arc, time::Instant};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    Received, Shared,
    ledger::Way,
    lock, sign_in,
    told::{self, Reply},
};

/// The longest body that it reads, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// A request, read.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: http::HeaderMap,
    pub(super) body: String,
}

impl Asked {
    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// A cookie.
    pub(super) fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get(header::COOKIE)?.to_str().ok()?;
        cookies
            .split("; ")
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, v)| v.to_owned())
    }

    pub(super) fn received(&self, way: Way) -> Received {
        let headers = self.headers.iter();
        Received {
            at: Instant::now(),
            way,
            query: self.query.clone(),
            headers: headers
                .map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
                .collect(),
            body: self.body.clone(),
            token: None,
            ended: 0,
            status: None,
        }
    }
}

/// Serves until it is aborted; its connections end with it.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let shared = shared.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(shared.clone(), request));
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Reply>, Infallible> {
    let (parts, body) = request.into_parts();
    let body =
        Limited::new(body, MAX_BODY).collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let asked = Asked {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    Ok(match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/") => page(home(&shared, &asked)),
        ("GET", "/login") => page(sign_in::begin(&shared, &asked).await),
        ("GET" | "POST", "/callback") => page(sign_in::callback(&shared, &asked).await),
        ("GET", "/logout") => page(told::sign_out(&shared, &asked)),
        ("GET", "/bye") => {
            shared.ledger.write(Received { status: Some(200), ..asked.received(Way::Landing) });
            page(html(StatusCode::OK, "landing", "none", "You are back."))
        }
        ("GET", "/favicon.ico") => page(html(StatusCode::OK, "icon", "none", "")),
        (_, "/backchannel") => told::backchannel(&shared, &asked).await,
        (_, "/frontchannel") => told::frontchannel(&shared, &asked).await,
        _ => page(html(StatusCode::NOT_FOUND, "nothing", "none", "Nothing here.")),
    })
}

fn page(response: Response<Bytes>) -> Response<Reply> {
    response.map(|body| Reply::Whole(Full::new(body)))
}

/// The application's page: whether its own session lives.
fn home(shared: &Shared, asked: &Asked) -> Response<Bytes> {
    let session = asked.cookie(&shared.cookie_name()).and_then(|cookie| lock(&shared.sessions).get(&cookie).cloned());
    match session {
        Some(session) if session.live => html(StatusCode::OK, "home", "live", &session.sub),
        _ => html(StatusCode::OK, "home", "none", "Nobody is signed in."),
    }
}

pub(super) fn html(status: StatusCode, mark: &str, session: &str, text: &str) -> Response<Bytes> {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<!doctype html><html lang=\"en\"><title>{mark}</title><main data-page=\"{mark}\" data-session=\"{session}\">\
         <h1>{text}</h1></main></html>"
    );
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
