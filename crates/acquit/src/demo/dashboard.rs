//! A sample app with no login of its own, behind the gateway. It takes whoever comes for who the gateway says that it is, and
//! has one page with a WebSocket that goes on saying a number until somebody cuts it.

use std::{io, net::SocketAddr, time::Duration};

use acquit_gateway::{
    origin::Origin,
    policy::Allow,
    proxy::{accept, close, text},
    route::Route,
};
use acquit_server::settings;
use askama::Template;
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, sink, split},
    net::TcpListener,
    time::{Instant, interval},
};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{DemoError, app, loopback, ports};

/// Its host name under `localhost`, and what it is called in the output.
pub const ID: &str = "dashboard";
/// Its name for people.
pub const NAME: &str = "Dashboard";
/// The path of its WebSocket.
pub const LIVE: &str = "/live";

/// How often the number is said.
const EVERY: Duration = Duration::from_secs(1);
/// The number at the start: a plausible one.
const ORDERS: u64 = 1200;
const SCRIPT: &str = include_str!("dashboard/live.js");

/// Two ports: the gateway's, and the app's own behind it.
pub(super) struct Place {
    pub(super) gateway: TcpListener,
    app: TcpListener,
    /// Where browsers reach it.
    pub(super) origin: String,
}

impl Place {
    /// The gateway's port is `preferred` where that is free.
    pub(super) async fn take(preferred: Option<u16>) -> Result<Self, DemoError> {
        let gateway = ports::listen(preferred).await.map_err(loopback)?;
        let app = ports::listen(None).await.map_err(loopback)?;
        let port = gateway.local_addr().map_err(loopback)?.port();
        Ok(Self { gateway, app, origin: format!("http://{ID}.localhost:{port}") })
    }

    /// The gateway with the route to it, which everybody with an account may enter.
    pub(super) fn settings(&self) -> Result<settings::Gateway, DemoError> {
        let broken = || DemoError::Address(self.origin.clone());
        let app = format!("http://{}", self.app.local_addr().map_err(loopback)?);
        let to = Url::parse(&app).map_err(|_| broken())?;
        let from = Origin::parse(&self.origin).map_err(|_| broken())?;
        let allow = Allow { everyone: true, ..Allow::default() };
        let route = Route { name: Some(NAME.to_owned()), allow, ..Route::new(from, vec![to]) };
        let listen: Option<SocketAddr> = Some(self.gateway.local_addr().map_err(loopback)?);
        Ok(settings::Gateway { listen, routes: vec![route], ..settings::Gateway::default() })
    }

    /// The app with its listener, and the gateway's.
    pub(super) fn open(
        self,
        provider: String,
        neighbours: Vec<(String, String)>,
        stop: CancellationToken,
    ) -> (Router, TcpListener, TcpListener) {
        let dashboard = Dashboard { provider, neighbours, begun: Instant::now(), stop };
        (dashboard.router(), self.app, self.gateway)
    }
}

#[derive(Clone)]
struct Dashboard {
    provider: String,
    neighbours: Vec<(String, String)>,
    begun: Instant,
    stop: CancellationToken,
}

#[derive(Template)]
#[template(path = "demo/dashboard.html")]
struct Page<'a> {
    person: &'a str,
    provider: &'a str,
    neighbours: &'a [(String, String)],
}

impl Dashboard {
    fn router(self) -> Router {
        Router::new()
            .route("/", get(home))
            .route(LIVE, get(live))
            .route("/live.js", get(script))
            .route("/app.css", get(app::style))
            .route("/icon.svg", get(app::icon))
            .with_state(self)
            .fallback(app::nothing_here)
            .layer(middleware::from_fn(app::common))
    }

    fn number(&self) -> u64 {
        ORDERS + self.begun.elapsed().as_secs()
    }

    /// Says the number until the other end is gone or the demo stops.
    async fn tell(&self, stream: impl AsyncRead + AsyncWrite) -> io::Result<()> {
        let (mut from, mut to) = split(stream);
        let (mut ticks, mut nowhere) = (interval(EVERY), sink());
        let telling = async {
            loop {
                ticks.tick().await;
                to.write_all(&text(&self.number().to_string())).await?;
                to.flush().await?;
            }
        };
        // What the browser says is of no interest; that it has left is.
        let ended = tokio::select! {
            ended = telling => ended,
            left = copy(&mut from, &mut nowhere) => left.map(drop),
            () = self.stop.cancelled() => Ok(()),
        };
        to.write_all(&close(1001, "going away")).await?;
        to.shutdown().await?;
        ended
    }
}

/// `GET /`. Nobody but the gateway reaches this server from afar, and it strikes out what browsers put into these headers.
async fn home(State(dashboard): State<Dashboard>, headers: HeaderMap) -> Response {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let person = said("x-pomerium-claim-name").or(said("x-pomerium-claim-preferred-username")).unwrap_or("nobody");
    let page = Page { person, provider: &dashboard.provider, neighbours: &dashboard.neighbours };
    let Ok(html) = page.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; \
                  form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

/// `GET /live.js`.
async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT).into_response()
}

/// `GET /live`: the WebSocket (RFC 6455 section 4.2).
async fn live(State(dashboard): State<Dashboard>, mut request: Request) -> Response {
    let upgrade = HeaderValue::from_static("websocket");
    let asks =
        request.headers().get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok());
    let Some(accepted) = key.filter(|_| asks).and_then(|key| HeaderValue::try_from(accept(key)).ok()) else {
        return (StatusCode::UPGRADE_REQUIRED, [(header::UPGRADE, upgrade)]).into_response();
    };
    let switched = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(stream) = switched.await else { return };
        // An end by the other side is how it ends.
        let _ = dashboard.tell(TokioIo::new(stream)).await;
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, upgrade),
        (header::SEC_WEBSOCKET_ACCEPT, accepted),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    fn dashboard() -> Dashboard {
        let stop = CancellationToken::new();
        Dashboard { provider: String::new(), neighbours: Vec::new(), begun: Instant::now(), stop }
    }

    #[tokio::test]
    async fn it_says_a_number_until_the_demo_stops_and_then_that() {
        let dashboard = dashboard();
        let (mut browser, stream) = duplex(1024);
        let (telling, stop) = (dashboard.clone(), dashboard.stop.clone());
        let task = tokio::spawn(async move { telling.tell(stream).await });
        let mut first = [0; 6];
        browser.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"\x81\x041200");
        stop.cancel();
        let mut rest = Vec::new();
        browser.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"\x88\x0c\x03\xe9going away");
        task.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn it_ends_when_the_browser_has_left() {
        let (browser, stream) = duplex(1024);
        drop(browser);
        assert!(dashboard().tell(stream).await.is_err());
    }
}
