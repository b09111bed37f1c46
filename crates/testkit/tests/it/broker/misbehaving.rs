//! Identity providers that lie, break, or change their keys while somebody is on their way.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use acquit_core::plan::By;
use acquit_oidc::jose::LogoutSubject;
use acquit_server::{
    keys::{JWKS_MAX_AGE, rotate},
    reload::reload,
    settings::broker::UpstreamProvider,
};
use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};

use super::*;

/// What an endpoint answers.
type Says = (u16, String);

/// A provider that says what it is told to say.
pub(super) struct Liar {
    pub(super) origin: String,
    /// At its discovery document, and at its token endpoint.
    says: Arc<Mutex<(Says, Says)>>,
    /// How often its token endpoint was asked.
    asked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Liar {
    pub(super) async fn start() -> Self {
        type Shared = State<Arc<Mutex<(Says, Says)>>>;
        let say = |(status, body): Says| {
            let kind = [(http::header::CONTENT_TYPE, "application/json")];
            (StatusCode::from_u16(status).unwrap(), kind, body).into_response()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let says = Arc::new(Mutex::new(((200, String::new()), (200, String::new()))));
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(async move |State(says): Shared| say(says.lock().unwrap().0.clone())),
            )
            .route("/authorize", get(async || "who are you?"))
            .route("/jwks", get(async || r#"{"keys":[]}"#))
            .route(
                "/token",
                axum::routing::post(async move |State(says): Shared| {
                    counter.fetch_add(1, Ordering::SeqCst);
                    say(says.lock().unwrap().1.clone())
                }),
            )
            .with_state(says.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { origin, says, asked, task }
    }

    /// How often its token endpoint was asked.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// An honest document, but for this.
    pub(super) fn document(&self, name: &str, value: Value) -> Says {
        let at = |path: &str| format!("{}{path}", self.origin);
        let mut document = json!({
            "issuer": self.origin, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"), "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        document[name] = value;
        (200, document.to_string())
    }

    pub(super) fn says(&self, document: Says, token: Says) {
        *self.says.lock().unwrap() = (document, token);
    }
}

impl World {
    /// The customer moves to this provider.
    async fn moves_to(&self, liar: &Liar) {
        let app = &self.broker.runs.app;
        let mut settings = (*app.settings()).clone();
        let UpstreamProvider::Oidc(oidc) = &mut settings.connections[0].provider else { unreachable!() };
        oidc.issuer.clone_from(&liar.origin);
        reload(app, settings).await.unwrap();
    }

    /// What the application is told at its callback; nobody is signed in.
    pub(super) async fn told(&self, came: &Url, what: &str) -> String {
        assert!(came.as_str().starts_with(CALLBACK), "{what}: {came}");
        assert_eq!(parameter(came, "error").as_deref(), Some("oauth_failed"), "{what}: {came}");
        assert_eq!(parameter(came, "state").as_deref(), Some("st ate"), "{what}");
        assert!(parameter(came, "code").is_none() && !self.is_signed_in().await, "{what}");
        parameter(came, "error_description").unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_to_a_provider_whose_document_is_not_its_own() {
    let world = world(Engine::Sqlite).await;
    let liar = Liar::start().await;
    world.moves_to(&liar).await;
    for (what, document) in [
        ("another's", liar.document("issuer", json!("https://idp.example"))),
        ("no issuer", liar.document("issuer", Value::Null)),
        ("a script for an address", liar.document("authorization_endpoint", json!("javascript:alert(1)"))),
        ("no token endpoint", liar.document("token_endpoint", Value::Null)),
        ("garbage", (200, "<html>secret-of-the-inside</html>".to_owned())),
        ("a refusal", (404, "secret-of-the-inside".to_owned())),
        ("far too much", (200, " ".repeat(4 << 20))),
    ] {
        liar.says(document, (200, String::new()));
        // A document that could not be read is not asked for again at once.
        world.broker.runs.advance(Duration::from_secs(60));
        let came = world.go(&world.authorize("connection=conn_01EXAMPLE"), "nobody").await;
        let why = world.told(&came, what).await;
        assert!(!why.contains("secret-of-the-inside"), "{what}: {why}");
    }
    drop(liar);
    world.broker.runs.advance(Duration::from_secs(60));
    let came = world.go(&world.authorize("connection=conn_01EXAMPLE"), "nobody").await;
    world.told(&came, "gone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_answer_that_is_not_good_signs_nobody_in() {
    let world = world(Engine::Sqlite).await;
    let liar = Liar::start().await;
    world.moves_to(&liar).await;
    let tokens = |id_token: Value| {
        json!({ "access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": id_token }).to_string()
    };
    for (what, answer) in [
        ("garbage", (200, "<html></html>".to_owned())),
        ("its own trouble", (500, "secret-of-the-inside".to_owned())),
        ("a refusal", (400, r#"{"error":"invalid_grant","error_description":"no"}"#.to_owned())),
        ("no ID token", (200, r#"{"access_token":"at","token_type":"Bearer"}"#.to_owned())),
        ("an ID token that is none", (200, tokens(json!("a.b.c")))),
        ("an ID token without a signature", (200, tokens(json!("eyJhbGciOiJub25lIn0.e30.")))),
        ("far too much", (200, " ".repeat(4 << 20))),
    ] {
        liar.says(liar.document("issuer", json!(liar.origin)), answer);
        world.broker.runs.advance(Duration::from_secs(60));
        let page = world.browser.open(&world.authorize("connection=conn_01EXAMPLE")).await;
        let state = parameter(&page.url, "state").unwrap_or_else(|| panic!("{what}: {page}"));
        let mut back = Url::parse(&world.broker.url(&format!("/sso/oidc/{KEY}/callback"))).unwrap();
        back.query_pairs_mut().append_pair("code", "a-code").append_pair("state", &state);
        let lost = world.browser.try_load(Load::typed(back.as_str())).await.expect_err("the application is not there");
        let why = world.told(&lost.url, what).await;
        assert!(!why.contains("secret-of-the-inside"), "{what}: {why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_list_it_gets_no_assertion_of_our_secret() {
    let world = world_with(Engine::Sqlite, "token_endpoint_auth_method = \"client_secret_jwt\"").await;
    let came = world.go(&world.authorize("connection=conn_01EXAMPLE"), "alice").await;
    let why = world.told(&came, "Acquit lists client_secret_basic, client_secret_post, private_key_jwt and none").await;
    assert!(why.contains("does not list client_secret_jwt"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_may_change_its_keys_while_somebody_is_on_their_way() {
    let world = world(Engine::Sqlite).await;
    world.enter("alice").await;
    let there = &world.upstream.runs.app;
    // Against the rules: the new key signs before anybody can know it.
    let lifetimes = there.settings().lifetimes;
    rotate(&there.store, &there.sealer, &lifetimes, world.now().minus(JWKS_MAX_AGE)).await.unwrap();
    there.keys.refresh(&there.store, &there.sealer).await.unwrap();
    for runs in [&world.upstream.runs, &world.broker.runs] {
        runs.advance(Duration::from_secs(20));
    }
    world.enter("alice").await;
    rotate(&there.store, &there.sealer, &lifetimes, world.now().minus(JWKS_MAX_AGE)).await.unwrap();
    there.keys.refresh(&there.store, &there.sealer).await.unwrap();
    for runs in [&world.upstream.runs, &world.broker.runs] {
        runs.advance(Duration::from_secs(20));
    }
    let sid = world.sids().await.remove(0);
    let token = world.signed(&world.claims("acquit", "jti-1", LogoutSubject::Session { sid, sub: None }));
    assert_eq!(world.send(&token).await, 200);
    assert!(world.broker.live_sessions().await.is_empty());
    assert_eq!(only_receipt(&world.broker).await["requested"]["by"], By::Upstream.as_str());
}
