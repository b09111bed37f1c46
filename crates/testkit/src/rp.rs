//! An application that signs people in at Acquit: a real OpenID Connect client with sessions of its own, on a port of its
//! own, that keeps a ledger of everything that it is told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use crate::{Browser, Page, door::Door};

pub mod answer;
mod app;
pub mod issuer;
pub mod ledger;
mod registration;
mod sign_in;
pub mod token;
mod told;

pub use answer::Answer;
use answer::Script;
pub use issuer::{Issuer, Now};
pub use ledger::{Ledger, Received};
pub use registration::{Front, Registration};

/// A session of somebody at the application.
#[derive(Clone, Debug)]
pub struct RpSession {
    /// Who.
    pub sub: String,
    /// The session's name at the issuer.
    pub sid: Option<String>,
    /// The ID token as it came.
    pub id_token: String,
    /// The access token.
    pub access_token: String,
    /// The refresh token, if one came.
    pub refresh_token: Option<String>,
    /// The code that brought them.
    pub code: String,
    /// Its PKCE verifier.
    pub verifier: String,
    /// Whether it lives.
    pub live: bool,
}

pub(crate) struct Shared {
    pub(crate) registration: Registration,
    pub(crate) origin: String,
    pub(crate) issuer: OnceLock<Issuer>,
    /// Sign-ins under way, by state.
    pub(crate) pending: Mutex<HashMap<String, sign_in::Pending>>,
    /// By the value of the session cookie.
    pub(crate) sessions: Mutex<HashMap<String, RpSession>>,
    pub(crate) ledger: Ledger,
    pub(crate) back_answers: Script,
    pub(crate) front_answers: Script,
    pub(crate) jtis: Mutex<std::collections::HashSet<String>>,
}

/// Never poisoned for good: a failed test's panic is report enough.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The application.
pub struct TestRp {
    shared: Arc<Shared>,
    port: u16,
    door: Door,
}

impl TestRp {
    /// Its id, which is its `client_id` too.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.shared.registration.id
    }

    /// What it registered.
    #[must_use]
    pub fn registration(&self) -> &Registration {
        &self.shared.registration
    }

    /// The URL of a path of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.shared.origin)
    }

    /// Tells it who issues its tokens. Only the first call counts.
    pub fn trust(&self, issuer: Issuer) {
        let _ = self.shared.issuer.set(issuer);
    }

    /// Everything that it was told.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// Answers the next back-channel requests so, in this order; then as before.
    pub fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.back_answers.next(answers);
    }

    /// Answers every back-channel request so.
    pub fn always_answers(&self, answer: Answer) {
        self.shared.back_answers.always(answer);
    }

    /// Answers every front-channel request so.
    pub fn frame_always_answers(&self, answer: Answer) {
        self.shared.front_answers.always(answer);
    }

    /// Closes its port: connections are refused, those that hang are cut.
    pub fn close(&self) {
        self.door.close();
    }

    /// Opens its port again.
    pub async fn reopen(&self) {
        self.door.reopen().await;
    }

    /// Begins a sign-in in this browser; ends at the application, or at a page of the issuer that wants something.
    /// `more` are further parameters of the authorization request.
    pub async fn begin(&self, browser: &Browser, more: &[(&str, &str)]) -> Page {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(more).finish();
        browser.open(&self.url(&format!("/login?{query}"))).await
    }

    /// Whether this browser is signed in here, by the application's own page.
    pub async fn knows(&self, browser: &Browser) -> bool {
        let page = browser.open(&self.url("/")).await;
        page.tags("main").first().and_then(|main| main.get("data-session")) == Some("live")
    }

    /// This browser's session here, dead or alive.
    #[must_use]
    pub fn session(&self, browser: &Browser) -> Option<RpSession> {
        let cookie = browser.cookie(&self.shared.origin, &self.cookie_name())?;
        lock(&self.shared.sessions).get(&cookie).cloned()
    }

    /// All sessions here.
    #[must_use]
    pub fn sessions(&self) -> Vec<RpSession> {
        lock(&self.shared.sessions).values().cloned().collect()
    }

    /// The name of its session cookie. Ports do not divide cookies, so every application has its own.
    #[must_use]
    pub fn cookie_name(&self) -> String {
        self.shared.cookie_name()
    }

    /// The token endpoint, asked with this client's authentication.
    ///
    /// # Panics
    /// Nobody answers, or not in JSON.
    pub async fn token(&self, form: &[(&str, &str)]) -> (u16, serde_json::Value) {
        self.shared.token(form).await
    }

    /// An end-session request in the name of this browser's session here, with its ID token as the hint.
    ///
    /// # Panics
    /// This browser was never signed in here.
    #[must_use]
    pub fn end_session_url(&self, browser: &Browser, state: Option<&str>) -> String {
        let session = self.session(browser).expect("a session of this browser");
        self.end_session_url_with(&session.id_token, state)
    }

    /// An end-session request with this hint, back to the application's own landing page.
    ///
    /// # Panics
    /// It trusts nobody yet.
    #[must_use]
    pub fn end_session_url_with(&self, hint: &str, state: Option<&str>) -> String {
        self.shared.end_session_url(hint, state)
    }
}

impl Shared {
    fn end_session_url(&self, hint: &str, state: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("id_token_hint", hint)
            .append_pair("post_logout_redirect_uri", &format!("{}/bye", self.origin));
        if let Some(state) = state {
            query.append_pair("state", state);
        }
        format!("{}/oauth2/v1/logout?{}", self.issuer.get().unwrap().url(), query.finish())
    }
}
