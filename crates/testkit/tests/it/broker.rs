//! The broker, with another Acquit as the customer's identity provider: sign-in, profile, and sign-out in both directions.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Registration, Setup, TestApp, TestRp,
    acquit::{InProcess, outcome},
    browser::{Load, Page},
    peers::free_port,
    rp::ledger::Way,
};
use http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::{
    broker_wire::{self, API_KEY, CLIENT},
    world::{only_receipt, settled},
};

mod authorize;
mod exchange;
mod misbehaving;
mod outsiders;
mod overtaken;
mod received;
mod revalidate;
mod routes;
mod shared_callback;
mod sign_out;

pub(crate) const KEY: &str = "external-key-of-the-tests-0123";
const CALLBACK: &str = "http://saas.localhost:9/callback";
const BYE: &str = "http://saas.localhost:9/bye";
const CLEAR: &str = "http://saas.localhost:9/logout";

/// A broker with one customer, whose identity provider is another Acquit; and an OpenID Connect application behind the broker.
pub(crate) struct World {
    pub(crate) upstream: TestApp<InProcess>,
    pub(crate) broker: TestApp<InProcess>,
    pub(crate) wiki: TestRp,
    pub(crate) browser: Browser,
}

pub(crate) async fn world(engine: Engine) -> World {
    world_with(engine, "").await
}

async fn world_with(engine: Engine, more: &str) -> World {
    world_of(engine, more, "").await
}

/// With more configuration of the connection, and of the application and what follows it.
pub(crate) async fn world_of(engine: Engine, more: &str, application: &str) -> World {
    made(engine, more, application, Told::Back).await
}

/// Whom the provider tells of its logouts.
enum Told {
    /// The broker, by its back channel.
    Back,
    /// This address at a route of the broker's, in a frame.
    Front(String),
    /// Nobody.
    No,
}

async fn made(engine: Engine, more: &str, application: &str, told: Told) -> World {
    let port = free_port();
    let (also, told) = match told {
        Told::Back => {
            let back = format!("http://127.0.0.1:{port}/sso/oidc/backchannel-logout/{KEY}");
            (String::new(), format!("backchannel_logout_uri = \"{back}\"\n"))
        }
        // It must have the origin of one of the redirect URIs.
        Told::Front(at) => (
            format!(", \"{at}\""),
            format!("frontchannel_logout_uri = \"{at}\"\nfrontchannel_logout_session_required = true\n"),
        ),
        Told::No => (String::new(), String::new()),
    };
    let upstream = Setup::on(Engine::Sqlite)
        .with(&format!(
            "[[applications]]\nid = \"broker\"\nprotocol = \"oidc\"\nclient_id = \"acquit\"\n\
             client_secret = \"a-secret-of-the-broker-at-its-upstream-0123\"\n\
             redirect_uris = [\"http://id.localhost:{port}/sso/oidc/{KEY}/callback\", \
             \"http://id.localhost:{port}/sso/oidc/callback\"{also}]\n\
             post_logout_redirect_uris = [\"http://id.localhost:{port}/sso/oidc/logout-callback\"]\n\
             {told}id_token_signed_response_alg = \"ES256\""
        ))
        .start(&[])
        .await;
    let wiki = Registration::new("wiki").scope("openid email").start().await;
    let broker = Setup::on(engine)
        .host("id.localhost")
        .port(port)
        .with(&format!(
            "[[organizations]]\nid = \"org_01EXAMPLE\"\nname = \"Example\"\ndomains = [\"example.com\"]\n\n\
             [[connections]]\nid = \"conn_01EXAMPLE\"\norganization = \"org_01EXAMPLE\"\ntype = \"oidc\"\n\
             issuer = {:?}\nclient_id = \"acquit\"\nclient_secret = \"a-secret-of-the-broker-at-its-upstream-0123\"\n\
             external_key = \"{KEY}\"\nid_token_signed_response_alg = \"ES256\"\n{more}\n\n\
             [[applications]]\nid = \"saas\"\nprotocol = \"broker\"\nclient_id = \"{CLIENT}\"\napi_key = \"{API_KEY}\"\n\
             redirect_uris = [\"{CALLBACK}\"]\nlogout_uri = \"{CLEAR}\"\npost_logout_redirect_uris = [\"{BYE}\"]\n\
             organizations = [\"org_01EXAMPLE\"]\n{application}\n",
            upstream.url(""),
        ))
        .start(&[&wiki])
        .await;
    World { upstream, broker, wiki, browser: Browser::new() }
}

impl World {
    pub(crate) fn authorize(&self, more: &str) -> String {
        self.broker.url(&format!(
            "/sso/authorize?client_id={CLIENT}&redirect_uri={CALLBACK}&response_type=code&state=st%20ate&{more}"
        ))
    }

    /// Where the browser ends that opens this, signing in upstream where it is asked to: at the application, which is not there.
    async fn go(&self, url: &str, username: &str) -> Url {
        let load = Load::typed(url);
        match self.browser.try_load(load).await {
            Err(lost) => lost.url,
            Ok(page) => {
                assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
                let form = page.form_with("username").fill("username", username);
                let form = form.fill("password", acquit_testkit::acquit::PASSWORD);
                self.browser.try_load(Load::form(&page, &form)).await.expect_err("the application is not there").url
            }
        }
    }

    /// Signs in through the connection; the code that the application gets.
    async fn code(&self, username: &str) -> String {
        let url = self.go(&self.authorize("connection=conn_01EXAMPLE"), username).await;
        assert!(url.as_str().starts_with(CALLBACK), "{url}");
        assert_eq!(parameter(&url, "state").as_deref(), Some("st ate"));
        parameter(&url, "code").unwrap_or_else(|| panic!("no code: {url}"))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value, bearer: Option<&str>) -> (u16, Value) {
        broker_wire::call(&self.broker, bearer, Method::POST, path, Some(body)).await
    }

    async fn exchange(&self, code: &str) -> (u16, Value) {
        let body = json!({ "client_id": CLIENT, "client_secret": API_KEY, "grant_type": "authorization_code",
                           "code": code });
        self.post("/sso/token", &body, None).await
    }

    async fn profile(&self, token: &str) -> (u16, Value) {
        broker_wire::call(&self.broker, Some(token), Method::GET, "/sso/profile", None).await
    }

    /// Signs in, and gives the token reply.
    pub(crate) async fn enter(&self, username: &str) -> Value {
        let code = self.code(username).await;
        let (status, reply) = self.exchange(&code).await;
        assert_eq!(status, 200, "{reply}");
        reply
    }

    /// The right to a logout.
    pub(crate) async fn logout_url(&self, profile: &str) -> String {
        let (status, reply) =
            self.post("/sso/logout/authorize", &json!({ "profile_id": profile }), Some(API_KEY)).await;
        assert_eq!(status, 200, "{reply}");
        let keys: Vec<_> = reply.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["logout_token", "logout_url"]);
        reply["logout_url"].as_str().unwrap().to_owned()
    }

    async fn is_signed_in_upstream(&self) -> bool {
        self.browser.open(&self.upstream.url("/account")).await.mark().as_deref() == Some("account")
    }

    pub(crate) async fn is_signed_in(&self) -> bool {
        self.browser.open(&self.broker.url("/account")).await.mark().as_deref() == Some("account")
    }
}

pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

pub(crate) fn profile_id(reply: &Value) -> &str {
    reply["profile"]["id"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_of_a_customers_provider_signs_in_and_the_application_gets_their_profile() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let reply = world.enter("alice").await;
        assert_eq!(reply["token_type"], "Bearer");
        assert_eq!(reply["expires_in"], 600);
        let profile = &reply["profile"];
        let expected = json!({
            "object": "profile", "organization_id": "org_01EXAMPLE", "connection_id": "conn_01EXAMPLE",
            "connection_type": "GenericOIDC", "email": "alice@example.com", "role": null, "roles": null,
            "custom_attributes": {}, "raw_attributes": {}, "first_name": null, "last_name": null, "groups": [],
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&profile[key], value, "{key} in {profile}");
        }
        assert!(profile_id(&reply).starts_with("prof_") && profile_id(&reply).len() == 31, "{profile}");
        assert!(profile["idp_id"].as_str().unwrap().starts_with("usr_"), "the subject there: {profile}");
        let token = reply["access_token"].as_str().unwrap();
        assert_eq!(world.profile(token).await, (200, profile.clone()));
        assert_eq!(world.profile(API_KEY).await.0, 401, "an API key is no access token");

        // The session is one as any other: an application of OpenID Connect joins it without asking anybody.
        world.wiki.begin(&world.browser, &[]).await;
        assert!(world.wiki.knows(&world.browser).await);
        // Again is the same person, by another code.
        let again = world.enter("alice").await;
        assert_eq!(profile_id(&again), profile_id(&reply));
        assert_eq!(world.broker.live_sessions().await.len(), 1);
    }
}

/// Follows a logout through the pages that a browser without scripts follows, to where nobody answers.
pub(crate) async fn land(world: &World, url: &str) -> Url {
    let mut load = Load::typed(url);
    for _ in 0..8 {
        let page: Page = match world.browser.try_load(load).await {
            Err(lost) => return lost.url,
            Ok(page) => page,
        };
        if let Some((_, next)) = page.refresh() {
            load = Load::typed(next.as_str());
        } else if page.mark().as_deref() == Some("sign-out-confirm") {
            let form = page.form_with("decision").press("decision", "sign-out");
            load = Load::form(&page, &form);
        } else {
            panic!("stranded: {page}");
        }
    }
    panic!("no end");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_a_provider_is_taken_once_and_only_in_the_browser_that_left() {
    let world = world(Engine::Sqlite).await;
    // Up to the sign-in page of the provider, which knows where it will send the browser.
    let page = world.browser.open(&world.authorize("organization=org_01EXAMPLE")).await;
    let form = page.form_with("username").fill("username", "alice").fill("password", acquit_testkit::acquit::PASSWORD);
    let mut load = Load::form(&page, &form);
    let answer = loop {
        let step = world.browser.step(&load).await.unwrap();
        let next = step.location().unwrap_or_else(|| panic!("{step}"));
        if next.path().starts_with("/sso/oidc/") {
            break next;
        }
        load = load.redirected(&step, next);
    };
    let victim = Browser::new();
    let refused = victim.open(answer.as_str()).await;
    assert_eq!((refused.status, refused.mark().as_deref()), (400, Some("error")), "{refused}");
    assert!(world.broker.live_sessions().await.is_empty());
    assert!(world.browser.try_load(Load::typed(answer.as_str())).await.is_err(), "on to the application");
    assert_eq!(world.broker.live_sessions().await.len(), 1);
    assert_eq!(world.browser.open(answer.as_str()).await.status, 400, "and not again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_application_asks_wrongly_is_said_to_it_and_never_to_a_stranger() {
    let world = world(Engine::Sqlite).await;
    for (query, error) in [
        ("connection=conn_01OTHER", "connection_invalid"),
        ("organization=org_01OTHER", "organization_invalid"),
        ("domain=other.example", "organization_invalid"),
        ("provider=GoogleOAuth", "invalid_connection_selector"),
        ("", "invalid_connection_selector"),
        ("connection=conn_01EXAMPLE&organization=org_01EXAMPLE", "invalid_connection_selector"),
        ("connection=conn_01EXAMPLE&code_challenge=short&code_challenge_method=plain", "invalid_request"),
        ("connection=conn_01EXAMPLE&prompt=none", "invalid_request"),
    ] {
        let url = world.go(&world.authorize(query), "alice").await;
        assert!(url.as_str().starts_with(CALLBACK), "{query}: {url}");
        assert_eq!(parameter(&url, "error").as_deref(), Some(error), "{query}: {url}");
        assert_eq!(parameter(&url, "state").as_deref(), Some("st ate"));
    }
    for url in [
        "/sso/authorize?client_id=client_01OTHER&redirect_uri=https://evil.example&response_type=code",
        "/sso/authorize?client_id=client_01SAAS&redirect_uri=https://evil.example&response_type=code",
        "/sso/authorize?client_id=client_01SAAS&response_type=code",
        "/sso/logout?token=forged&return_to=https://evil.example",
        "/sso/logout",
    ] {
        let page = world.browser.open(&world.broker.url(url)).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{url}: {page}");
    }
    let (status, _) = world.broker.api(Method::POST, "/sso/token", Some(&json!({}))).await;
    assert_eq!(status, 400);
}
