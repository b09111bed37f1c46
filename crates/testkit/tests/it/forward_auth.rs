//! Forward-auth behind nginx, Caddy and Envoy with the sample configurations of the documentation, and its doors asked directly.

use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, TestApp, TestRp,
    acquit::{InProcess, Program},
    peers::{self, Front, free_port, front::Kind},
};

mod app;
mod doors;
mod passing;
mod paths;
mod sign_out;

use app::Mirror;

/// Acquit, an app, and the proxies before it, each with a route of its own; and an application of OpenID Connect.
struct World<R = InProcess> {
    acquit: TestApp<R>,
    payroll: TestRp,
    mirror: Mirror,
    fronts: Vec<Front>,
}

/// The routes of a host: one for everybody with a public part, one for Bob only.
fn routes(host: &str) -> String {
    format!(
        "[[gateway.routes]]\nfrom = \"http://{host}\"\nallow = {{ everyone = true }}\npublic_paths = [\"/public\"]\n\n\
         [[gateway.routes]]\nfrom = \"http://{host}\"\nprefix = \"/admin\"\nallow = {{ users = [\"bob\"] }}\n\n"
    )
}

async fn world() -> Option<World> {
    world_of(async |setup: Setup, payroll: &TestRp| setup.start(&[payroll]).await).await
}

/// As [`world`], with Acquit as the program.
async fn program() -> Option<World<Program>> {
    world_of(async |setup: Setup, payroll: &TestRp| setup.program(&[payroll]).await).await
}

async fn world_of<R>(start: impl AsyncFnOnce(Setup, &TestRp) -> TestApp<R>) -> Option<World<R>> {
    if !peers::take_part() {
        return None;
    }
    let mirror = Mirror::start().await;
    let mut fronts: Vec<Front> = Kind::ALL.into_iter().map(Front::new).collect();
    let payroll = Registration::new("payroll").start().await;
    let routes: String = fronts.iter().map(|front| routes(&front.host())).collect();
    let grpc = free_port();
    let gateway = format!("[gateway]\nenvoy_listen = \"127.0.0.1:{grpc}\"\n\n{routes}");
    let setup = Setup::on(Engine::Sqlite).host("id.localhost").behind_proxies().with(&gateway);
    let acquit = start(setup, &payroll).await;
    let own = acquit.url("").replace("http://", "");
    for front in &mut fronts {
        front.start(mirror.port, &own, grpc).await;
    }
    Some(World { acquit, payroll, mirror, fronts })
}

impl<R> World<R> {
    /// Gets a browser into the app behind a proxy, by a sign-in if nobody is signed in yet.
    async fn enter(&self, browser: &Browser, front: &Front, username: &str) -> Page {
        let mut page = browser.open(&front.url("/dash?x=1")).await;
        if page.mark().as_deref() == Some("sign-in") {
            page = self.acquit.sign_in(browser, &page, username).await;
        }
        assert!(page.body.starts_with("GET /dash?x=1 HTTP/1.1\r\n"), "{:?}: {page} {}", front.kind, front.log());
        assert_eq!(page.url.as_str(), front.url("/dash?x=1"));
        page
    }

    /// Whether the app still answers this browser, each time by one request that follows nothing.
    async fn is_in(&self, browser: &Browser, front: &Front) -> bool {
        let load = acquit_testkit::browser::Load::typed(&front.url("/still"));
        let page = browser.step(&load).await.unwrap();
        match page.status {
            200 => true,
            302 => {
                assert!(page.location().unwrap().path() == "/.acquit/sign_in", "{page}");
                false
            }
            _ => panic!("{:?}: {page} {}", front.kind, front.log()),
        }
    }
}
