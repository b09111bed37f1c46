//! The gateway's doors, as browsers meet them: signing in to a route and out of it. Nothing takes the traffic of the routes here;
//! the doors on their hosts are what is asked.

use acquit_core::SessionId;
use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, TestApp, TestRp, acquit::InProcess, browser::Load, peers::free_port,
    wire,
};
use http::{Method, Request, Response};
use hyper::body::Bytes;
use url::Url;

mod adversary;
mod assertion;
mod named;
mod sign_in;
mod sign_out;
mod sign_out_proof;

/// Acquit with two routes behind hosts of their own, one for everybody and one for Bob, and an application of OpenID Connect
/// besides.
struct World {
    app: TestApp<InProcess>,
    payroll: TestRp,
    port: u16,
    browser: Browser,
}

async fn world() -> World {
    world_on(Engine::Sqlite).await
}

async fn world_on(engine: Engine) -> World {
    world_with(engine, "").await
}

async fn world_with(engine: Engine, more: &str) -> World {
    made(Setup::on(engine).with(more), &[]).await
}

/// With more applications.
async fn world_of(applications: &[&TestRp]) -> World {
    made(Setup::on(Engine::Sqlite), applications).await
}

async fn made(setup: Setup, applications: &[&TestRp]) -> World {
    let payroll = Registration::new("payroll").start().await;
    let port = free_port();
    let all: Vec<&TestRp> = applications.iter().copied().chain([&payroll]).collect();
    let app = setup.host("id.localhost").port(port).with(&routes(port)).start(&all).await;
    World { app, payroll, port, browser: Browser::new() }
}

fn routes(port: u16) -> String {
    format!(
        "[gateway]\ntrusted_redirects = [\"https://www.example.com/bye\"]\n\n\
         [[gateway.routes]]\nfrom = \"http://grafana.localhost:{port}\"\nname = \"Grafana\"\nallow = {{ everyone = true }}\n\
         clear_cookies = [\"grafana_session\"]\n\n\
         [[gateway.routes]]\nfrom = \"http://vault.localhost:{port}\"\nallow = {{ users = [\"bob\"] }}\n\
         clear_site_data = false\n\n"
    )
}

fn evil() -> Url {
    Url::parse("http://evil.localhost/").unwrap()
}

impl World {
    /// The URL of a path at a route.
    fn at(&self, host: &str, path: &str) -> String {
        format!("http://{host}.localhost:{}{path}", self.port)
    }

    fn url_at(&self, host: &str) -> Url {
        Url::parse(&self.at(host, "/")).unwrap()
    }

    /// Begins a sign-in at a route, which goes back to `path` there: the sign-in page, or where it ends.
    async fn begin(&self, browser: &Browser, host: &str, path: &str) -> Page {
        browser.open(&self.at(host, &format!("/.acquit/sign_in?redirect_uri={path}"))).await
    }

    /// Gets a browser into a route.
    async fn enter(&self, browser: &Browser, host: &str, username: &str) -> Page {
        let mut page = self.begin(browser, host, "/dash").await;
        if page.mark().as_deref() == Some("sign-in") {
            page = self.app.sign_in(browser, &page, username).await;
        }
        assert_eq!(page.url.as_str(), self.at(host, "/dash"), "{page}");
        assert!(self.cookie(browser, host).is_some(), "{page}");
        page
    }

    /// The route's cookie.
    fn cookie(&self, browser: &Browser, host: &str) -> Option<String> {
        browser.cookie(&self.at(host, "/"), "acquit-route")
    }

    /// Follows a script's `location =` on a page of a route.
    async fn go(&self, host: &str, path: &str) -> Page {
        self.browser.load(Load::typed(&self.at(host, path)).by(&self.url_at(host))).await
    }

    /// What the doors answer to whoever has this cookie at a route: 200 where they are in.
    async fn user(&self, host: &str, cookie: &str) -> Response<Bytes> {
        let request = Request::get(self.at(host, "/.pomerium/user")).header("cookie", format!("acquit-route={cookie}"));
        wire::exchange(request.body(Bytes::new()).unwrap(), None).await.unwrap()
    }

    async fn is_in(&self, browser: &Browser, host: &str) -> bool {
        match self.cookie(browser, host) {
            Some(cookie) => self.user(host, &cookie).await.status() == 200,
            None => false,
        }
    }

    /// The `sid` that a party has of the only session.
    async fn sid(&self, party: &str) -> String {
        sid(&self.app, party).await
    }

    async fn nothing_happened(&self) {
        assert_eq!(self.app.live_sessions().await.len(), 1);
        assert!(self.app.receipts().await.is_empty());
        assert!(self.payroll.knows(&self.browser).await || self.payroll.ledger().all().is_empty());
    }
}

/// The `sid` that a party has of the only session of a server.
async fn sid(app: &TestApp<InProcess>, party: &str) -> String {
    let session = app.live_sessions().await[0]["id"].as_str().unwrap().to_owned();
    let view = app.runs.app.store.session(&SessionId::parse(&session).unwrap()).await.unwrap().unwrap();
    view.participants.iter().find(|joined| joined.app.as_str() == party).unwrap().sid.clone()
}

/// An operator ends every session.
async fn end_all(app: &TestApp<InProcess>) {
    for session in app.live_sessions().await {
        let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
        let (status, body) = app.api(Method::DELETE, &path, None).await;
        assert!(status < 300, "{status} {body}");
    }
}
