//! Wrong, hostile and oversized requests: each changes nothing and never answers 5xx.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, TestApp, TestRp,
    acquit::{InProcess, OPERATOR},
    browser::Load,
    rp::ledger::Way,
    wire,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use serde_json::{Value, json};

use crate::world::enter_all;

mod bodies;
mod clock;
mod end_session;
mod parameters;
mod registration;
mod requests;
mod zero_bytes;

const FORM: &str = "application/x-www-form-urlencoded";

struct World {
    payroll: TestRp,
    crm: TestRp,
    app: TestApp<InProcess>,
    browser: Browser,
    before: (Vec<Value>, Vec<Value>),
}

async fn world() -> World {
    world_on(Engine::Sqlite).await
}

async fn world_on(engine: Engine) -> World {
    let payroll = Registration::new("payroll").start().await;
    let crm = Registration::new("crm").alg("ES256").start().await;
    let app = Setup::on(engine)
        .with("[registration]\ninitial_access_tokens = [\"initial-access-token-of-the-tests-01234\"]\n")
        .start(&[&payroll, &crm])
        .await;
    let browser = Browser::new();
    enter_all(&app, &browser, &[&payroll, &crm], "alice").await;
    let before = app.everything().await;
    World { payroll, crm, app, browser, before }
}

impl World {
    /// The answer is no 5xx, no redirect out of the house, shows nothing raw of the request, and nothing changed.
    async fn refused(&self, what: &str, page: &Page) {
        assert!(page.status < 500, "{what}: {page}");
        if let Some(location) = page.location() {
            let own = location.origin() == page.url.origin();
            assert!(own, "{what}: leads out of the house to {location}");
        }
        self.unharmed(what).await;
    }

    async fn unharmed(&self, what: &str) {
        assert_eq!(self.app.everything().await, self.before, "{what} changed something");
        assert!(self.payroll.ledger().by(Way::Back).is_empty() && self.crm.ledger().by(Way::Back).is_empty(), "{what}");
    }

    /// An error page that says which parameter (RPI-27).
    async fn error_page(&self, what: &str, page: &Page, parameter: &str) {
        self.refused(what, page).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{what}: {page}");
        assert!(page.text().contains(parameter), "{what} does not name {parameter}: {page}");
        let offers = page
            .tags("a")
            .iter()
            .chain(&page.tags("form"))
            .any(|tag| tag.get("href").or(tag.get("action")).is_some_and(|target| target.contains("sign-out")));
        assert!(offers, "{what}: still offers to sign out (RPI-27): {}", page.body);
    }

    /// An end-session request with the good hint, and these parameters besides or instead.
    fn end_session(&self, parameters: &[(&str, &str)]) -> String {
        let hint = self.payroll.session(&self.browser).unwrap().id_token;
        let bye = self.payroll.url("/bye");
        let mut all = vec![("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &bye), ("state", "s")];
        all.retain(|(name, _)| !parameters.iter().any(|(other, _)| other == name));
        all.extend(parameters);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
        self.app.url(&format!("/oauth2/v1/logout?{query}"))
    }
}

async fn post(
    world: &World,
    path: &str,
    credentials: Option<&String>,
    kind: &str,
    body: impl Into<hyper::body::Bytes>,
) -> std::io::Result<Page> {
    let mut load = Load::typed(&world.app.url(path)).post(body).with("content-type", kind);
    if let Some(credentials) = credentials {
        load = load.with("authorization", credentials);
    }
    match world.browser.try_load(load).await {
        Ok(page) => Ok(page),
        Err(lost) => Err(lost.error),
    }
}
