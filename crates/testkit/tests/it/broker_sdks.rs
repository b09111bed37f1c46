//! The broker, called by WorkOS's official SDKs, unmodified: what they send is understood, what they get they can read, and
//! what goes wrong becomes the exception that an application of theirs catches.

use acquit_testkit::{
    Engine,
    peers::{self, OidcUpstream, Package, Sdk, sdk::Raised},
    rp::ledger::Way,
};
use serde_json::{Value, json};

use crate::{
    broker_upstream::World,
    broker_wire::{API_KEY, CLIENT, value},
};

pub(crate) const STRANGE: &str = "a state & more = ü/?#%";

pub(crate) async fn sdk(world: &World, package: Package, api_key: Option<&str>) -> Sdk {
    Sdk::start(package, &world.app.url(""), api_key, CLIENT).await
}

/// What the provider was asked when it signed the last person in.
pub(crate) async fn asked_upstream(world: &World) -> Value {
    let knows = world.upstream.knows().await;
    knows.asked_for("/auth").last().expect("an authorization request")["query"].clone()
}

/// The scopes of a request, sorted.
pub(crate) fn scopes(asked: &Value) -> Vec<&str> {
    let mut scopes: Vec<_> = asked["scope"].as_str().unwrap_or_default().split(' ').collect();
    scopes.sort_unstable();
    scopes
}

/// It raised this, and an application can quote the request that it was about.
pub(crate) fn raised(outcome: Result<Value, Raised>, class: &str, said: &[(&str, Value)]) {
    let id = raised_by(outcome, class, said);
    assert!(id.starts_with("req_"), "{id}");
}

/// It raised this; the name of the request as the SDK has it.
fn raised_by(outcome: Result<Value, Raised>, class: &str, said: &[(&str, Value)]) -> String {
    let raised = outcome.expect_err("an exception");
    assert_eq!(raised.class, class, "{raised:?}");
    for (name, expected) in said {
        assert_eq!(&raised.said[name], expected, "{name} of {raised:?}");
    }
    raised.said["request_id"].as_str().unwrap_or_default().to_owned()
}

/// The same of a Node SDK. 8.13 looks for the header in the wrong kind of object and never finds it.
pub(crate) fn thrown(package: Package, outcome: Result<Value, Raised>, class: &str, said: &[(&str, Value)]) {
    let id = raised_by(outcome, class, said);
    assert!(if package == Package::Node8 { id.is_empty() } else { id.starts_with("req_") }, "{package:?}: {id}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_signs_in_and_out() {
    if !peers::take_part() {
        return;
    }
    let world = World::at("127.0.0.1", Engine::Sqlite).await;
    let mut python = sdk(&world, Package::Python, Some(API_KEY)).await;
    let arguments = json!({
        "redirect_uri": world.saas.url("/callback"), "connection": OidcUpstream::CONNECTION, "state": STRANGE,
        "login_hint": "erin", "domain_hint": "customer.example", "nonce": "a nonce of the application",
        "provider_scopes": ["openid", "email", "offline_access"],
        "provider_query_params": { "hd": "it's \"a.b\"", "prompt": "consent" },
    });
    let url = python.call("sso.get_authorization_url", arguments).await.unwrap();
    let answer = world.follow(url.as_str().unwrap(), "erin").await;
    assert_eq!(value(&answer, "state"), STRANGE);
    let asked = asked_upstream(&world).await;
    assert_eq!(asked["hd"], "it's \"a.b\"", "a dict as Python prints it");
    assert_eq!(asked["login_hint"], "erin");
    assert_eq!(asked["domain_hint"], "customer.example");
    assert_eq!(scopes(&asked), ["email", "offline_access", "openid"]);

    let code = json!({ "code": value(&answer, "code") });
    let mut wrong = sdk(&world, Package::Python, Some("sk_wrong")).await;
    let refused = wrong.call("sso.get_profile_and_token", code.clone()).await;
    raised(refused, "BadRequestError", &[("error", json!("invalid_client")), ("status_code", json!(400))]);
    // The code is not burnt by that.
    let reply = python.call("sso.get_profile_and_token", code).await.unwrap();
    assert_eq!((&reply["token_type"], &reply["expires_in"]), (&json!("Bearer"), &json!(600)));
    let profile = &reply["profile"];
    for (name, expected) in [
        ("object", json!("profile")),
        ("organization_id", json!(OidcUpstream::ORGANIZATION)),
        ("connection_id", json!(OidcUpstream::CONNECTION)),
        ("connection_type", json!("GenericOIDC")),
        ("idp_id", json!("up-erin")),
        ("email", json!("erin@customer.example")),
        ("raw_attributes", json!({})),
    ] {
        assert_eq!(profile[name], expected, "{name} of {profile}");
    }

    let token = json!({ "access_token": reply["access_token"] });
    assert_eq!(python.call("sso.get_profile", token.clone()).await.unwrap(), *profile);
    raised(
        python.call("sso.get_profile", json!({ "access_token": "nonsense" })).await,
        "AuthenticationError",
        &[("status_code", json!(401))],
    );

    let whose = json!({ "profile_id": profile["id"] });
    let refused = wrong.call("sso.authorize_logout", whose.clone()).await;
    raised(refused, "BadRequestError", &[("error", json!("unauthorized_client"))]);
    for id in ["prof_01HXYZ123456789ABCDEFGHIJK", "session_01HXYZ123456789ABCDEFGHIJ"] {
        let refused = python.call("sso.authorize_logout", json!({ "profile_id": id })).await;
        raised(refused, "NotFoundError", &[("status_code", json!(404)), ("code", json!("entity_not_found"))]);
    }
    let right = python.call("sso.authorize_logout", whose).await.unwrap();
    let url = python.call("sso.get_logout_url", json!({ "token": right["logout_token"] })).await.unwrap();
    assert_eq!(url, right["logout_url"], "either way of the two seeds");
    sign_out(&world, url.as_str().unwrap()).await;
    raised(python.call("sso.get_profile", token).await, "AuthenticationError", &[]);
}

/// Follows a logout URL through the provider's question to the landing page.
pub(crate) async fn sign_out(world: &World, url: &str) {
    let question = world.sign_out(url).await;
    let landed = world.upstream.agree(&world.browser, &question).await;
    assert_eq!(landed.url.as_str(), world.saas.url("/bye"), "{landed}");
    assert!(!world.saas.ledger().by(Way::Landing).is_empty());
    assert!(world.app.live_sessions().await.is_empty());
    assert!(world.upstream.knows().await.sessions.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_proves_itself_with_pkce() {
    if !peers::take_part() {
        return;
    }
    let world = World::at("127.0.0.1", Engine::Sqlite).await;
    for api_key in [Some(API_KEY), None] {
        let mut python = sdk(&world, Package::Python, api_key).await;
        let arguments = json!({
            "redirect_uri": world.saas.url("/callback"), "organization": OidcUpstream::ORGANIZATION,
            "provider_scopes": ["openid", "profile", "email"], "provider_query_params": { "hd": "a.b" },
        });
        let begun = python.call("sso.get_authorization_url_with_pkce", arguments).await.unwrap();
        let answer = world.follow(begun["url"].as_str().unwrap(), "erin").await;
        assert_eq!(begun["state"], value(&answer, "state"));
        let asked = asked_upstream(&world).await;
        assert_eq!(scopes(&asked), ["email", "openid", "profile"], "a list as Python prints it");
        assert_eq!(asked["hd"], "a.b");
        let proof = |verifier: &str| json!({ "code": value(&answer, "code"), "code_verifier": verifier });
        let refused = python.call("sso.get_profile_and_token_pkce", proof(&"v".repeat(43))).await;
        raised(refused, "BadRequestError", &[("error", json!("invalid_grant"))]);
        let verifier = begun["code_verifier"].as_str().unwrap();
        let reply = python.call("sso.get_profile_and_token_pkce", proof(verifier)).await.unwrap();
        assert_eq!(reply["profile"]["idp_id"], "up-erin");
        assert_eq!(
            (&reply["profile"]["first_name"], &reply["profile"]["name"]),
            (&json!("erin"), &json!("erin Upstream"))
        );
        let again = python.call("sso.get_profile_and_token_pkce", proof(verifier)).await;
        raised(again, "BadRequestError", &[("error", json!("invalid_grant"))]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdks_sign_in_and_out() {
    if !peers::take_part() {
        return;
    }
    for package in Package::NODE {
        let world = World::at("127.0.0.1", Engine::Sqlite).await;
        let mut node = sdk(&world, package, Some(API_KEY)).await;
        let arguments = json!({
            "clientId": CLIENT, "redirectUri": world.saas.url("/callback"), "connection": OidcUpstream::CONNECTION,
            "state": STRANGE, "loginHint": "erin", "domainHint": "customer.example",
            "providerScopes": ["openid", "email", "profile", "offline_access"],
            "providerQueryParams": { "hd": "it's \"a.b\"", "prompt": "consent" },
        });
        let url = node.call("sso.getAuthorizationUrl", arguments).await.unwrap();
        let answer = world.follow(url.as_str().unwrap(), "erin").await;
        assert_eq!(value(&answer, "state"), STRANGE);
        let asked = asked_upstream(&world).await;
        assert_eq!(asked["hd"], "it's \"a.b\"");
        assert_eq!(asked["login_hint"], "erin");
        assert_eq!(scopes(&asked), ["email", "offline_access", "openid", "profile"], "one parameter for each");

        let code = json!({ "code": value(&answer, "code"), "clientId": CLIENT });
        let mut wrong = sdk(&world, package, Some("sk_wrong")).await;
        let refused = wrong.call("sso.getProfileAndToken", code.clone()).await;
        thrown(package, refused, "OauthException", &[("error", json!("invalid_client")), ("status_code", json!(400))]);
        let reply = node.call("sso.getProfileAndToken", code).await.unwrap();
        let profile = &reply["profile"];
        for (name, expected) in [
            ("organizationId", json!(OidcUpstream::ORGANIZATION)),
            ("connectionId", json!(OidcUpstream::CONNECTION)),
            ("connectionType", json!("GenericOIDC")),
            ("idpId", json!("up-erin")),
            ("email", json!("erin@customer.example")),
            ("firstName", json!("erin")),
            ("lastName", json!("Upstream")),
            ("groups", json!(["Everyone", "Payroll"])),
            ("customAttributes", json!({ "department": "R&D" })),
            ("rawAttributes", json!({})),
        ] {
            assert_eq!(profile[name], expected, "{name} of {profile}");
        }

        let token = json!({ "accessToken": reply["accessToken"] });
        assert_eq!(node.call("sso.getProfile", token.clone()).await.unwrap(), *profile);
        let refused = node.call("sso.getProfile", json!({ "accessToken": "nonsense" })).await;
        thrown(package, refused, "UnauthorizedException", &[("status_code", json!(401))]);

        // It has no method for this, but a way to call what it has none for.
        let post = |profile: &Value| json!(["/sso/logout/authorize", { "profile_id": profile }]);
        let refused = wrong.call("post", post(&profile["id"])).await;
        thrown(package, refused, "OauthException", &[("error", json!("unauthorized_client"))]);
        let refused = node.call("post", post(&json!("prof_01HXYZ123456789ABCDEFGHIJK"))).await;
        thrown(package, refused, "NotFoundException", &[("code", json!("entity_not_found"))]);
        let right = node.call("post", post(&profile["id"])).await.unwrap();
        sign_out(&world, right["data"]["logout_url"].as_str().unwrap()).await;
        thrown(package, node.call("sso.getProfile", token).await, "UnauthorizedException", &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdks_prove_themselves_with_pkce() {
    if !peers::take_part() {
        return;
    }
    let world = World::at("127.0.0.1", Engine::Sqlite).await;
    for (package, api_key) in [(Package::Node8, Some(API_KEY)), (Package::Node11, None)] {
        let mut node = sdk(&world, package, api_key).await;
        let arguments = json!({
            "clientId": CLIENT, "redirectUri": world.saas.url("/callback"), "organization": OidcUpstream::ORGANIZATION,
        });
        let begun = node.call("sso.getAuthorizationUrlWithPKCE", arguments).await.unwrap();
        let answer = world.follow(begun["url"].as_str().unwrap(), "erin").await;
        assert_eq!(begun["state"], value(&answer, "state"));
        let proof =
            |verifier: &str| json!({ "clientId": CLIENT, "code": value(&answer, "code"), "codeVerifier": verifier });
        let refused = node.call("sso.getProfileAndToken", proof(&"v".repeat(43))).await;
        thrown(package, refused, "OauthException", &[("error", json!("invalid_grant"))]);
        let verifier = begun["codeVerifier"].as_str().unwrap();
        let reply = node.call("sso.getProfileAndToken", proof(verifier)).await.unwrap();
        assert_eq!(reply["profile"]["idpId"], "up-erin");
        let again = node.call("sso.getProfileAndToken", proof(verifier)).await;
        thrown(package, again, "OauthException", &[("error", json!("invalid_grant"))]);
    }
}
