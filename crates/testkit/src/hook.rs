//! The webhook receiver of an application: on a port of its own, with a ledger of everything that was posted to it. It checks
//! nothing by itself: the official SDKs do, and whoever reads the ledger.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    door::{Door, listen},
    rp::{Answer, answer::Script, lock},
};

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Posted {
    /// When.
    pub at: Instant,
    /// By which method.
    pub method: Method,
    /// To which path, with its query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: String,
}

impl Posted {
    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header; empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether it is an event of this name.
    #[must_use]
    pub fn is(&self, event: &str) -> bool {
        self.event()["event"] == event
    }
}

struct Shared {
    answers: Script,
    ledger: Mutex<Vec<Posted>>,
    changed: watch::Sender<usize>,
}

/// The receiver.
pub struct TestHook {
    shared: Arc<Shared>,
    origin: String,
    door: Door,
}

impl TestHook {
    /// Starts it, where it answers 200 to everything.
    pub async fn start() -> Self {
        let (listener, address) = listen([127, 0, 0, 1].into()).await;
        let shared =
            Arc::new(Shared { answers: Script::default(), ledger: Mutex::default(), changed: watch::Sender::new(0) });
        let serving = shared.clone();
        let door = Door::open(listener, move |listener| tokio::spawn(serve(listener, serving.clone())));
        Self { shared, origin: format!("http://{address}"), door }
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Answers the next requests so, in this order; then as before.
    pub fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.answers.next(answers);
    }

    /// Answers every request so.
    pub fn always_answers(&self, answer: Answer) {
        self.shared.answers.always(answer);
    }

    /// Everything that arrived.
    #[must_use]
    pub fn all(&self) -> Vec<Posted> {
        lock(&self.shared.ledger).clone()
    }

    /// Waits for `count` events of this name, and gives them.
    ///
    /// # Panics
    /// They have not come within `limit`.
    pub async fn wait(&self, event: &str, count: usize, limit: Duration) -> Vec<Posted> {
        let mut changed = self.shared.changed.subscribe();
        let enough = async {
            loop {
                changed.borrow_and_update();
                let found: Vec<_> = self.all().into_iter().filter(|posted| posted.is(event)).collect();
                if found.len() >= count {
                    return found;
                }
                let _ = changed.changed().await;
            }
        };
        let outcome = tokio::time::timeout(limit, enough).await;
        outcome.unwrap_or_else(|_| panic!("{count} of {event} did not come within {limit:?}: {:#?}", self.all()))
    }

    /// Closes its port: connections are refused, those that hang are cut.
    pub fn close(&self) {
        self.door.close();
    }

    /// Opens its port again.
    pub async fn reopen(&self) {
        self.door.reopen().await;
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new().fallback(take).with_state(shared);
    // Not axum's own loop: its connections would outlive the task.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        connections.spawn(async move {
            let stream = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
        });
    }
}

async fn take(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    let count = {
        let mut ledger = lock(&shared.ledger);
        ledger.push(Posted { at: Instant::now(), method, path, headers, body });
        ledger.len()
    };
    let answer = shared.answers.take();
    shared.changed.send_replace(count);
    let status = |code| StatusCode::from_u16(code).unwrap();
    match answer {
        Answer::Honour => StatusCode::OK.into_response(),
        Answer::HonourSilently => StatusCode::NO_CONTENT.into_response(),
        Answer::HonourAfter(delay) => {
            tokio::time::sleep(delay).await;
            StatusCode::OK.into_response()
        }
        Answer::Status(code) => status(code).into_response(),
        Answer::Error(code, error, words) => (status(code), format!("{error}: {words}")).into_response(),
        Answer::RetryAfter(code, seconds) => {
            (status(code), [(header::RETRY_AFTER, seconds.to_string())]).into_response()
        }
        Answer::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
        Answer::Hang => std::future::pending().await,
        Answer::Endless => {
            let chunks =
                futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1024])));
            Body::from_stream(chunks).into_response()
        }
    }
}
