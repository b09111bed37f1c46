//! An application that signs people in at Acquit: a real OpenID Connect client with sessions of its own, on a port of its
//! own, that keeps a ledger of everything that it is told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use tokio::net::TcpListener;

use crate::{Browser, Page};

pub mod answer;
mod app;
pub mod issuer;
pub mod ledger;
mod sign_in;
pub mod token;
mod told;

pub use answer::Answer;
use answer::Script;
pub use issuer::{Issuer, Now};
pub use ledger::{Ledger, Received};

/// What it registers for being told in the browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Front {
    /// Nothing.
    #[default]
    No,
    /// A frame without parameters.
    Bare,
    /// A frame with `iss` and `sid`.
    Named,
}

/// What the application registers.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Its id and its `client_id`.
    pub id: String,
    /// The host of its origin: `127.0.0.1`, or a name under `localhost`.
    pub host: String,
    /// Its secret; a public client without one.
    pub secret: Option<String>,
    /// The algorithm of its ID tokens.
    pub alg: String,
    /// Whether it is told from server to server.
    pub back: bool,
    /// Whether it is told in the browser.
    pub front: Front,
    /// The scope that it asks for.
    pub scope: String,
    /// Whether its session cookie goes along in frames of other sites (`SameSite=None; Secure`).
    pub cookie_in_frames: bool,
    /// Whether a frame that names no session ends all of that person's sessions, not only this browser's.
    pub ends_all_unnamed: bool,
    /// More lines for its part of Acquit's configuration.
    pub more: Vec<String>,
}

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
    server: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Registration {
    /// A confidential client with a back channel, at 127.0.0.1.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            host: "127.0.0.1".to_owned(),
            secret: Some(format!("{id}-secret-that-is-longer-than-32-bytes")),
            alg: "RS256".to_owned(),
            back: true,
            front: Front::No,
            scope: "openid".to_owned(),
            cookie_in_frames: false,
            ends_all_unnamed: false,
            more: Vec::new(),
        }
    }

    /// At this host.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Told in a frame with `iss` and `sid`, and only there; its cookie goes along in frames.
    #[must_use]
    pub fn front_only(mut self) -> Self {
        self.back = false;
        self.front = Front::Named;
        self.cookie_in_frames = true;
        self
    }

    /// Told in a frame without `iss` and `sid`, at which it ends all sessions of the person there.
    #[must_use]
    pub fn front_only_bare(mut self) -> Self {
        self = self.front_only();
        self.front = Front::Bare;
        self.ends_all_unnamed = true;
        self
    }

    /// Without any channel.
    #[must_use]
    pub fn untold(mut self) -> Self {
        self.back = false;
        self.front = Front::No;
        self
    }

    /// Without a secret.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.secret = None;
        self
    }

    /// Signed by this algorithm.
    #[must_use]
    pub fn alg(mut self, alg: &str) -> Self {
        alg.clone_into(&mut self.alg);
        self
    }

    /// Asks for this scope.
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        scope.clone_into(&mut self.scope);
        self
    }

    /// With another line of configuration: `single_logout = "none"`.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.more.push(line.to_owned());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// No free port.
    pub async fn start(self) -> TestRp {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            origin: format!("http://{}:{port}", self.host),
            registration: self,
            issuer: OnceLock::new(),
            pending: Mutex::default(),
            sessions: Mutex::default(),
            ledger: Ledger::default(),
            back_answers: Script::default(),
            front_answers: Script::default(),
            jtis: Mutex::default(),
        });
        let server = tokio::spawn(app::serve(listener, shared.clone()));
        TestRp { shared, port, server: Mutex::new(Some(server)) }
    }
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

    /// Its part of Acquit's configuration.
    #[must_use]
    pub fn configuration(&self) -> String {
        let registration = &self.shared.registration;
        let id = &registration.id;
        let mut lines = vec![
            "[[applications]]".to_owned(),
            format!("id = {id:?}"),
            format!("name = {:?}", capitalised(id)),
            "protocol = \"oidc\"".to_owned(),
            format!("client_id = {id:?}"),
            match &registration.secret {
                Some(secret) => format!("client_secret = {secret:?}"),
                None => "public = true".to_owned(),
            },
            format!("redirect_uris = [{:?}]", self.url("/callback")),
            format!("post_logout_redirect_uris = [{:?}]", self.url("/bye")),
            format!("id_token_signed_response_alg = {:?}", registration.alg),
        ];
        if registration.back {
            // Names under localhost are the browser's affair; a server finds none of them (BC-3 asks for no common origin).
            lines.push(format!("backchannel_logout_uri = \"http://127.0.0.1:{}/backchannel\"", self.port));
            lines.push("backchannel_logout_session_required = true".to_owned());
        }
        if registration.front != Front::No {
            lines.push(format!("frontchannel_logout_uri = {:?}", self.url("/frontchannel")));
            let named = registration.front == Front::Named;
            lines.push(format!("frontchannel_logout_session_required = {named}"));
        }
        lines.extend(registration.more.iter().cloned());
        lines.join("\n") + "\n\n"
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
        if let Some(server) = lock(&self.server).take() {
            server.abort();
        }
    }

    /// Opens its port again.
    ///
    /// # Panics
    /// Somebody else took it.
    pub async fn reopen(&self) {
        self.close();
        let listener = loop {
            // The aborted task may still hold the port for an instant.
            match TcpListener::bind(("127.0.0.1", self.port)).await {
                Ok(listener) => break listener,
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        *lock(&self.server) = Some(tokio::spawn(app::serve(listener, self.shared.clone())));
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

impl Drop for TestRp {
    fn drop(&mut self) {
        self.close();
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

fn capitalised(id: &str) -> String {
    let mut letters = id.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
