//! Acquit under test: in this process with a clock that tests move, or as the program itself, to be killed.

use std::sync::Arc;

use http::{Method, Request, header};
use hyper::body::Bytes;
use serde_json::Value;

use crate::{
    Browser, Page, TestRp,
    rp::{Issuer, Now},
    wire,
};

mod alone;
mod in_process;
mod program;
mod setup;

pub use alone::AloneNode;
pub use in_process::InProcess;
pub use program::Program;
pub use setup::{Engine, MASTER_KEY, Setup};

/// The token of an operator with every scope.
pub const OPERATOR: &str = "operator-token-of-the-tests-0123456789";
/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple";
/// Who has an account.
pub const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// A running Acquit.
pub struct TestApp<R> {
    issuer: String,
    now: Now,
    /// How it runs.
    pub runs: R,
}

impl<R> TestApp<R> {
    fn new(issuer: String, now: Now, applications: &[&TestRp], runs: R) -> Self {
        let app = Self { issuer, now, runs };
        for application in applications {
            application.trust(app.as_issuer());
        }
        app
    }

    /// The issuer as an application sees it.
    #[must_use]
    pub fn as_issuer(&self) -> Issuer {
        Issuer::new(&self.issuer, self.now.clone())
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// Fills in the sign-in page and goes on.
    ///
    /// # Panics
    /// It is no sign-in page.
    pub async fn sign_in(&self, browser: &Browser, page: &Page, username: &str) -> Page {
        assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
        let form = page.form_with("username").fill("username", username).fill("password", PASSWORD);
        browser.submit(page, form).await
    }

    /// Gets a browser into an application, by a sign-in if nobody is signed in yet.
    ///
    /// # Panics
    /// The application does not know the person afterwards.
    pub async fn enter(&self, browser: &Browser, application: &TestRp, username: &str) {
        let mut page = application.begin(browser, &[]).await;
        if page.mark().as_deref() == Some("sign-in") {
            page = self.sign_in(browser, &page, username).await;
        }
        assert!(application.knows(browser).await, "{} does not know {username}: {page}", application.id());
    }

    /// Asks the API as an operator.
    ///
    /// # Panics
    /// Nobody answers.
    pub async fn api(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(self.url(path))
            .header(header::AUTHORIZATION, format!("Bearer {OPERATOR}"));
        let mut bytes = Bytes::new();
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json");
            bytes = Bytes::from(body.to_string());
        }
        let response = wire::exchange(request.body(bytes).unwrap(), None).await.unwrap();
        (response.status().as_u16(), wire::json(&response).unwrap_or_default())
    }

    /// What the API shows at `path`.
    ///
    /// # Panics
    /// It is not there.
    pub async fn read(&self, path: &str) -> Value {
        let (status, body) = self.api(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// All items of a list of the API.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = match &after {
                Some(after) => self.read(&format!("{path}{join}limit=500&after={after}")).await,
                None => self.read(&format!("{path}{join}limit=500")).await,
            };
            items.extend(page["data"].as_array().cloned().unwrap_or_default());
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return items,
            }
        }
    }

    /// All receipts, newest first, in full.
    pub async fn receipts(&self) -> Vec<Value> {
        let mut receipts = Vec::new();
        for item in self.all("/api/v1/logouts").await {
            receipts.push(self.receipt(item["id"].as_str().unwrap_or_default()).await);
        }
        receipts
    }

    /// A receipt.
    pub async fn receipt(&self, id: &str) -> Value {
        self.read(&format!("/api/v1/logouts/{id}")).await
    }

    /// The live sessions.
    pub async fn live_sessions(&self) -> Vec<Value> {
        self.all("/api/v1/sessions?state=live").await
    }

    /// All that a wrong request must not change: sessions with their ends, receipts with their steps.
    pub async fn everything(&self) -> (Vec<Value>, Vec<Value>) {
        let mut sessions = self.all("/api/v1/sessions").await;
        for session in &mut sessions {
            // When a session was used last may change by any request that carries its cookie.
            session.as_object_mut().map(|fields| fields.remove("last_seen_at"));
        }
        (sessions, self.receipts().await)
    }
}

/// The outcome of a party's step in a receipt, by channel: `confirmed`.
#[must_use]
pub fn outcome<'a>(receipt: &'a Value, party: &str, channel: &str) -> &'a str {
    let steps = receipt["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let step = steps.iter().find(|step| step["party"] == party && (channel.is_empty() || step["channel"] == channel));
    step.and_then(|step| step["outcome"].as_str()).unwrap_or("no such step")
}

/// A clock for applications that follows the server's.
fn follow(clock: Arc<dyn acquit_server::clock::Clock>) -> Now {
    Arc::new(move || clock.now().as_micros() / 1_000_000)
}
