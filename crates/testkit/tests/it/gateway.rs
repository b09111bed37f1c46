//! The gateway's doors, as browsers meet them: signing in to a route and out of it. Nothing takes the traffic of the routes here;
//! the doors on their hosts are what is asked.

use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, TestApp, TestRp, acquit::InProcess, browser::Load, peers::free_port,
};

mod sign_in;
mod sign_out;

/// Acquit with two routes behind hosts of their own, one for everybody and one for the group `ops`, and an application of
/// OpenID Connect besides.
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
    let payroll = Registration::new("payroll").start().await;
    let port = free_port();
    let routes = format!(
        "[gateway]\ntrusted_redirects = [\"https://www.example.com/bye\"]\n\n\
         [[gateway.routes]]\nfrom = \"http://grafana.localhost:{port}\"\nname = \"Grafana\"\nallow = {{ everyone = true }}\n\
         clear_cookies = [\"grafana_session\"]\n\n\
         [[gateway.routes]]\nfrom = \"http://vault.localhost:{port}\"\nallow = {{ users = [\"bob\"] }}\n\
         clear_site_data = false\n\n"
    );
    let setup = Setup::on(engine).host("id.localhost").port(port).with(&routes).with(more);
    let app = setup.start(&[&payroll]).await;
    World { app, payroll, port, browser: Browser::new() }
}

impl World {
    /// The URL of a path at a route.
    fn at(&self, host: &str, path: &str) -> String {
        format!("http://{host}.localhost:{}{path}", self.port)
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

    /// Follows a link from one page to an address, as a script's `location =` does.
    async fn go(&self, browser: &Browser, from: &Page, url: &str) -> Page {
        browser.load(Load::typed(url).by(&from.url)).await
    }
}
