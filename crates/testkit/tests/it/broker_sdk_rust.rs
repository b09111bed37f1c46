//! The broker, called by WorkOS's official Rust SDK. Only its HTTP client is ours, as it provides for: its own would bring a
//! second TLS library.

use std::{collections::HashMap, pin::Pin, sync::Arc};

use acquit_testkit::{
    Engine,
    peers::{self, OidcUpstream},
    wire,
};
use http::Request;
use workos::{
    Client, Error,
    enums::{ProfileConnectionType, TokenQueryGrantType},
    helpers::{SsoAuthorizationUrlParams, SsoLogoutUrlParams, SsoPkceCodeExchangeParams},
    models::{SSOLogoutAuthorizeRequest, TokenQuery},
    sso::{AuthorizeLogoutParams, GetAuthorizationUrlParams, GetLogoutUrlParams, GetProfileAndTokenParams},
    transport::{HttpRequest, HttpResponse, HttpTransport, TransportError},
};

use crate::{
    broker_sdks::{STRANGE, asked_upstream, scopes, sign_out},
    broker_upstream::World,
    broker_wire::{API_KEY, CLIENT, value},
};

struct Wire;

type Answer<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, TransportError>> + Send + 'a>>;

impl HttpTransport for Wire {
    fn execute<'a, 'b>(&'a self, asked: HttpRequest) -> Answer<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let mut request = Request::builder().method(asked.method).uri(asked.url);
            if let Some(headers) = request.headers_mut() {
                *headers = asked.headers;
            }
            let request = request.body(asked.body.unwrap_or_default()).map_err(TransportError::other)?;
            let (parts, body) = wire::exchange(request, None).await.map_err(TransportError::connect)?.into_parts();
            Ok(HttpResponse { status: parts.status, headers: parts.headers, body })
        })
    }
}

pub(crate) fn sdk(world: &World, api_key: &str) -> Client {
    client_at(&world.app.url(""), api_key, 3)
}

pub(crate) fn client_at(base_url: &str, api_key: &str, retries: u32) -> Client {
    let client = Client::builder().base_url(base_url).api_key(api_key).client_id(CLIENT).max_retries(retries);
    client.transport(Arc::new(Wire)).build()
}

fn token(client: &Client, code: &str) -> GetProfileAndTokenParams {
    GetProfileAndTokenParams::new(TokenQuery {
        client_id: CLIENT.to_owned(),
        client_secret: client.api_key().into(),
        code: Some(code.into()),
        grant_type: TokenQueryGrantType::AuthorizationCode,
        code_verifier: None,
        subject_token: None,
        subject_token_type: None,
        organization_id: None,
    })
}

fn logout(profile: &str) -> AuthorizeLogoutParams {
    AuthorizeLogoutParams::new(SSOLogoutAuthorizeRequest { profile_id: profile.to_owned() })
}

/// The status and the code of an error, which can be quoted.
fn refused<T>(outcome: Result<T, Error>) -> (u16, String) {
    let error = outcome.err().expect("an error");
    assert!(error.request_id().is_some_and(|id| id.starts_with("req_")), "{error}");
    (error.status().unwrap(), error.code().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_sdk_signs_in_and_out() {
    if !peers::take_part() {
        return;
    }
    let world = World::at("127.0.0.1", Engine::Sqlite).await;
    let (client, wrong) = (sdk(&world, API_KEY), sdk(&world, "sk_wrong"));
    let url = client.sso().get_authorization_url(GetAuthorizationUrlParams {
        connection: Some(OidcUpstream::CONNECTION.to_owned()),
        state: Some(STRANGE.to_owned()),
        login_hint: Some("erin".to_owned()),
        provider_scopes: Some(["openid", "email", "offline_access"].map(str::to_owned).to_vec()),
        provider_query_params: Some(HashMap::from([
            ("hd".to_owned(), "it's \"a.b\"".to_owned()),
            ("prompt".to_owned(), "consent".to_owned()),
        ])),
        ..GetAuthorizationUrlParams::new(world.saas.url("/callback"))
    });
    let answer = world.follow(&url.unwrap(), "erin").await;
    assert_eq!(value(&answer, "state"), STRANGE);
    let asked = asked_upstream(&world).await;
    assert_eq!((&asked["hd"], &asked["login_hint"]), (&"it's \"a.b\"".into(), &"erin".into()));
    assert_eq!(scopes(&asked), ["email", "offline_access", "openid"]);

    let code = value(&answer, "code");
    let outcome = wrong.sso().get_profile_and_token(token(&wrong, &code)).await;
    assert_eq!(refused(outcome), (400, "invalid_client".to_owned()));
    let reply = client.sso().get_profile_and_token(token(&client, &code)).await.unwrap();
    let profile = reply.profile;
    assert_eq!((reply.token_type.as_str(), reply.expires_in), ("Bearer", 600));
    assert_eq!(profile.organization_id.as_deref(), Some(OidcUpstream::ORGANIZATION));
    assert_eq!(profile.connection_id, OidcUpstream::CONNECTION);
    assert_eq!(profile.connection_type, ProfileConnectionType::GenericOidc);
    assert_eq!((profile.idp_id.as_str(), profile.email.as_str()), ("up-erin", "erin@customer.example"));

    let access = reply.access_token.expose();
    assert_eq!(client.sso().get_profile(access).await.unwrap().id, profile.id);
    assert!(client.sso().get_profile("nonsense").await.unwrap_err().is_unauthorized());

    let outcome = wrong.sso().authorize_logout(logout(&profile.id)).await;
    assert_eq!(refused(outcome), (400, "unauthorized_client".to_owned()));
    let unknown = client.sso().authorize_logout(logout("prof_01HXYZ123456789ABCDEFGHIJK")).await.unwrap_err();
    assert!(unknown.is_not_found(), "{unknown}");
    let right = client.sso().authorize_logout(logout(&profile.id)).await.unwrap();
    let url = client.sso().get_logout_url(GetLogoutUrlParams::new(right.logout_token)).unwrap();
    assert_eq!(url, right.logout_url.expose());
    sign_out(&world, &url).await;
    assert!(client.sso().get_profile(access).await.unwrap_err().is_unauthorized());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_sdks_helpers_use_pkce_and_choose_where_to_land() {
    if !peers::take_part() {
        return;
    }
    let world = World::at("127.0.0.1", Engine::Sqlite).await;
    let client = sdk(&world, API_KEY);
    let helpers = client.sso_helpers();
    let wanted = SsoAuthorizationUrlParams {
        redirect_uri: world.saas.url("/callback"),
        organization: Some(OidcUpstream::ORGANIZATION.to_owned()),
        ..SsoAuthorizationUrlParams::default()
    };
    let begun = helpers.pkce_authorization_url(wanted).unwrap();
    let answer = world.follow(&begun.url, "erin").await;
    assert_eq!(value(&answer, "state"), begun.state);
    let proof = |verifier: String| SsoPkceCodeExchangeParams { code: value(&answer, "code"), code_verifier: verifier };
    let outcome = helpers.pkce_code_exchange(proof("v".repeat(43))).await;
    assert_eq!(refused(outcome), (400, "invalid_grant".to_owned()));
    let reply = helpers.pkce_code_exchange(proof(begun.code_verifier)).await.unwrap();
    // It calls the profile a session; somewhere else than registered nobody is sent.
    let to = |return_to: &str| SsoLogoutUrlParams {
        session_id: reply.profile.id.clone(),
        return_to: Some(return_to.to_owned()),
    };
    let url = helpers.logout_url(to("http://evil.localhost/")).await.unwrap();
    assert!(url.contains("evil.localhost"), "{url}");
    sign_out(&world, &url).await;
}
