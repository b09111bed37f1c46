//! The requests of the SDKs that are not run here, re-created from what is known of their source: Go, Ruby, PHP, Kotlin and
//! .NET. Each signs in, reads the profile and has the person signed out, in its own encodings.

use acquit_testkit::Engine;
use http::{Method, Request, Response, header};
use hyper::body::Bytes;
use serde_json::Value;

use super::{CALLBACK, MANAGER, World, parameter, world};

/// How an SDK asks.
struct Asks {
    name: &'static str,
    agent: &'static str,
    /// What it adds to the authorization URL; the names and encodings of lists and maps are its own.
    authorize: &'static str,
    /// Whether the code is also in the token request's query.
    code_in_query: bool,
    /// Whether the token request carries the API key as a bearer credential too.
    bearer: bool,
}

const SDKS: [Asks; 5] = [
    Asks {
        name: "Go",
        agent: "workos-go/10.1.1",
        // Its helper has names of its own for the selectors.
        authorize: "connection_id=CONNECTION&provider_scopes=openid%2Cemail&provider_query_params%5Bhd%5D=a.b",
        code_in_query: false,
        bearer: true,
    },
    Asks {
        name: "Ruby",
        agent: "WorkOS; ruby/3.3.0; x86_64-linux; v10.2.1",
        authorize: "connection=CONNECTION&provider_scopes=openid%2Cemail&provider_query_params=%7B%22hd%22%3A%22a.b%22%7D",
        code_in_query: false,
        bearer: false,
    },
    Asks {
        name: "PHP",
        agent: "workos-php/9.0.0",
        authorize: "connection=CONNECTION&provider_scopes%5B0%5D=openid&provider_scopes%5B1%5D=email&\
                    provider_query_params%5Bhd%5D=a.b",
        code_in_query: false,
        bearer: true,
    },
    Asks {
        name: "Kotlin",
        agent: "workos-kotlin/7.2.0",
        authorize: "connection=CONNECTION&provider_scopes=openid&provider_scopes=email&provider_query_params%5Bhd%5D=a.b",
        code_in_query: true,
        bearer: true,
    },
    Asks {
        name: ".NET",
        agent: "workos-dotnet/6.2.0",
        authorize: "connection=CONNECTION&provider_query_params%5Bhd%5D=a.b",
        code_in_query: false,
        bearer: true,
    },
];

impl Asks {
    /// One of its requests, as it writes it.
    async fn send(
        &self,
        world: &World,
        method: Method,
        path: &str,
        bearer: Option<&str>,
        body: &str,
    ) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(world.broker.url(path));
        request = request.header(header::USER_AGENT, self.agent).header(header::ACCEPT, "application/json");
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(bearer) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        acquit_testkit::wire::exchange(request, None).await.unwrap()
    }
}

fn read(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_every_other_sdk_sign_in_and_out() {
    let world = world(Engine::Sqlite).await;
    let organization = world.organization(Some("example.com")).await;
    let connection = world.connection(&organization).await["id"].as_str().unwrap().to_owned();
    for sdk in SDKS {
        let url =
            world.go(&format!("{}&state=st%2Fate", sdk.authorize.replace("CONNECTION", &connection)), "alice").await;
        assert!(url.as_str().starts_with(CALLBACK), "{}: {url}", sdk.name);
        assert_eq!(parameter(&url, "state").as_deref(), Some("st/ate"), "{}", sdk.name);
        let code = parameter(&url, "code").unwrap_or_else(|| panic!("{}: {url}", sdk.name));

        let path = if sdk.code_in_query { format!("/sso/token?code={code}") } else { "/sso/token".to_owned() };
        let body = format!(
            r#"{{"client_id":"client_01manager","client_secret":"{MANAGER}","grant_type":"authorization_code","code":"{code}"}}"#
        );
        let bearer = sdk.bearer.then_some(MANAGER);
        let reply = sdk.send(&world, Method::POST, &path, bearer, &body).await;
        assert_eq!(reply.status(), 200, "{}: {reply:?}", sdk.name);
        let reply = read(&reply);
        let token = reply["access_token"].as_str().unwrap();
        let profile = sdk.send(&world, Method::GET, "/sso/profile", Some(token), "").await;
        assert_eq!(read(&profile), reply["profile"], "{}", sdk.name);
        // Four of them send the API key here unless they are told otherwise, and must hear that it is not what is wanted.
        let refused = sdk.send(&world, Method::GET, "/sso/profile", Some(MANAGER), "").await;
        assert_eq!(
            (refused.status().as_u16(), &read(&refused)["error"]),
            (401, &"Unauthorized".into()),
            "{}",
            sdk.name
        );

        let body = format!(r#"{{"profile_id":"{}"}}"#, reply["profile"]["id"].as_str().unwrap());
        let right = sdk.send(&world, Method::POST, "/sso/logout/authorize", Some(MANAGER), &body).await;
        assert_eq!(right.status(), 200, "{}: {right:?}", sdk.name);
        let right = read(&right);
        let built = world.broker.url(&format!("/sso/logout?token={}", right["logout_token"].as_str().unwrap()));
        assert_eq!(right["logout_url"], built.as_str(), "{}: whoever builds the URL builds this one", sdk.name);
        world.browser.open(&built).await;
        assert!(world.broker.live_sessions().await.is_empty(), "{}", sdk.name);
        let refused = sdk.send(&world, Method::GET, "/sso/profile", Some(token), "").await;
        assert_eq!(refused.status(), 401, "{}", sdk.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rubys_pkce_sends_a_verifier_and_no_key() {
    let world = world(Engine::Sqlite).await;
    let organization = world.organization(Some("example.com")).await;
    let connection = world.connection(&organization).await["id"].as_str().unwrap().to_owned();
    // The pair of RFC 7636, appendix B.
    let (verifier, challenge) =
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let selector = format!("connection={connection}&code_challenge={challenge}&code_challenge_method=S256");
    let url = world.go(&selector, "alice").await;
    let code = parameter(&url, "code").unwrap();
    let ruby = &SDKS[1];
    let token = async |verifier: &str| {
        let body = format!(
            r#"{{"client_id":"client_01manager","grant_type":"authorization_code","code":"{code}","code_verifier":"{verifier}"}}"#
        );
        ruby.send(&world, Method::POST, "/sso/token", None, &body).await
    };
    let wrong = token(&"v".repeat(43)).await;
    assert_eq!((wrong.status().as_u16(), &read(&wrong)["error"]), (400, &"invalid_grant".into()));
    assert_eq!(token(verifier).await.status(), 200);
}
