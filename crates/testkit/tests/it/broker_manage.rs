//! The management API of the broker: organizations and connections on WorkOS's wire.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Setup, TestApp,
    acquit::{InProcess, PASSWORD},
    browser::Load,
    peers::free_port,
    wire,
};
use http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::broker_wire::{self, send};

mod asked_wrongly;
mod by_saml;
mod ended;
mod limits;
mod made;
mod nodes;
mod other_sdks;
mod own_people;
mod read;

/// The key of the application that may manage, which gets the people of all organizations.
const MANAGER: &str = "sk_test_manager_0123456789abcdefghij";
/// The key of one that reads, and was granted `org_01FILE` only.
pub(crate) const READER: &str = "sk_test_reader_0123456789abcdefghijk";
/// The key of one that may manage, and was granted `org_01FILE` only.
const LIMITED: &str = "sk_test_limited_0123456789abcdefghij";
const CALLBACK: &str = "http://saas.localhost:9/callback";
const INITIAL: &str = "initial-access-token-of-the-tests-01234";
const SOON: Duration = Duration::from_secs(10);

/// A broker with two customers in its configuration, one of which has a connection.
pub(crate) fn configuration(issuer: &str) -> String {
    let application = |id: &str, key: &str, more: &str| {
        format!(
            "[[applications]]\nid = \"{id}\"\nprotocol = \"broker\"\nclient_id = \"client_01{id}\"\napi_key = \"{key}\"\n\
             redirect_uris = [\"{CALLBACK}\"]\n{more}\n\n"
        )
    };
    format!(
        "[[organizations]]\nid = \"org_01FILE\"\nname = \"Of the File\"\ndomains = [\"file.example\"]\n\n\
         [[organizations]]\nid = \"org_01E4ZCR3C56J083X43JQXF3JK5\"\nname = \"Moved\"\n\n\
         [[connections]]\nid = \"conn_01FILE\"\norganization = \"org_01FILE\"\ntype = \"oidc\"\nissuer = {issuer:?}\n\
         client_id = \"acquit\"\nclient_secret = \"s\"\nexternal_key = \"external-key-of-the-tests-0123\"\n\
         connection_type = \"OktaOIDC\"\n\n{}{}{}",
        application("manager", MANAGER, "manage = true"),
        application("reader", READER, "organizations = [\"org_01FILE\"]"),
        application("limited", LIMITED, "organizations = [\"org_01FILE\"]\nmanage = true"),
    )
}

/// A broker, and another Acquit that may become somebody's identity provider.
struct World {
    upstream: TestApp<InProcess>,
    broker: TestApp<InProcess>,
    browser: Browser,
}

async fn upstream() -> TestApp<InProcess> {
    Setup::on(Engine::Sqlite)
        .with(&format!("[registration]\ninitial_access_tokens = [\"{INITIAL}\"]\n"))
        .start(&[])
        .await
}

async fn world(engine: Engine) -> World {
    let upstream = upstream().await;
    let broker = Setup::on(engine).host("id.localhost").port(free_port()).mail("staff.example");
    let broker = broker.with(&configuration(&upstream.url("")));
    World { upstream, broker: broker.start(&[]).await, browser: Browser::new() }
}

impl World {
    async fn call(&self, key: &str, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        broker_wire::call(&self.broker, Some(key), method, path, body).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call(MANAGER, Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn make(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.call(MANAGER, Method::POST, path, Some(body)).await;
        assert_eq!(status, 201, "{path}: {answer}");
        answer
    }

    fn discovery(&self) -> String {
        self.upstream.url("/.well-known/openid-configuration")
    }

    /// An organization whose people have addresses at `domain`, if one is given.
    async fn organization(&self, domain: Option<&str>) -> String {
        let domains: Vec<_> = domain.iter().map(|domain| json!({ "domain": domain, "state": "verified" })).collect();
        let made = self.make("/organizations", &json!({ "name": "Made", "domain_data": domains })).await;
        made["id"].as_str().unwrap().to_owned()
    }

    fn options(&self) -> Value {
        json!({ "discovery_endpoint": self.discovery(), "client_id": "later", "client_secret": "later",
                "id_token_signature_algorithm": "ES256" })
    }

    /// A connection that knows its provider, registered there as an administrator would: made, asked what to register, and
    /// given what the provider says.
    async fn connection(&self, organization: &str) -> Value {
        let body = json!({ "organization_id": organization, "name": "Made", "oidc_options": self.options() });
        let made = self.make("/connections", &body).await;
        let setup = self.get(&format!("/connections/{}/logout_setup", made["id"].as_str().unwrap())).await;
        let metadata = json!({
            "client_name": "Broker", "redirect_uris": [setup["callback_url"]],
            "post_logout_redirect_uris": [setup["post_logout_redirect_url"]],
            "backchannel_logout_uri": setup["backchannel_logout_url"], "id_token_signed_response_alg": "ES256",
        });
        let registered =
            send(Method::POST, &self.upstream.url("/oauth2/v1/clients"), Some(INITIAL), Some(&metadata), &[]).await;
        let registered = wire::json(&registered).unwrap();
        let options = json!({ "client_id": registered["client_id"], "client_secret": registered["client_secret"] });
        let path = format!("/connections/{}", made["id"].as_str().unwrap());
        let (status, patched) =
            self.call(MANAGER, Method::PATCH, &path, Some(&json!({ "oidc_options": options }))).await;
        assert_eq!(status, 200, "{patched}");
        patched
    }

    /// Asks for a sign-in as the managing application; where the browser ends.
    async fn go(&self, selector: &str, username: &str) -> Url {
        let url = self.broker.url(&format!(
            "/sso/authorize?client_id=client_01manager&redirect_uri={CALLBACK}&response_type=code&{selector}"
        ));
        let mut load = Load::typed(&url);
        for _ in 0..4 {
            let page = match self.browser.try_load(load).await {
                Err(lost) => return lost.url,
                Ok(page) => page,
            };
            let form = match page.mark().as_deref() {
                Some("sign-in") => page.form_with("username").fill("username", username).fill("password", PASSWORD),
                Some("consent") => page.form_with("continue").press("decision", "allow"),
                _ => panic!("stranded: {page}"),
            };
            load = Load::form(&page, &form);
        }
        panic!("no end");
    }

    /// Signs in through a connection; the profile.
    async fn enter(&self, connection: &str, username: &str) -> Value {
        let url = self.go(&format!("connection={connection}"), username).await;
        let code = parameter(&url, "code").unwrap_or_else(|| panic!("no code: {url}"));
        let body = json!({ "client_id": "client_01manager", "client_secret": MANAGER, "code": code,
                           "grant_type": "authorization_code" });
        let (status, reply) = self.call(MANAGER, Method::POST, "/sso/token", Some(&body)).await;
        assert_eq!(status, 200, "{reply}");
        reply["profile"].clone()
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|object| object["id"].as_str().unwrap()).collect()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}
