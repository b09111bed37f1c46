//! The crate `openidconnect` as an application: discovery, code flow with PKCE, ID token, userinfo, refresh, introspection,
//! RP-initiated logout.

use acquit_testkit::{Browser, Engine, Registration, Setup, TestApp, acquit::Program, wire};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IntrospectionUrl, IssuerUrl, LogoutRequest,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl,
    Scope, TokenIntrospectionResponse, TokenResponse,
    core::{CoreAuthenticationFlow, CoreClient, CoreUserInfoClaims},
};

type HttpResult = Result<openidconnect::HttpResponse, std::io::Error>;

async fn http(request: openidconnect::HttpRequest) -> HttpResult {
    let (parts, body) = request.into_parts();
    let response = wire::exchange(http::Request::from_parts(parts, body.into()), None).await?;
    let (parts, body) = response.into_parts();
    Ok(http::Response::from_parts(parts, body.to_vec()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openidconnect_crate_is_served_from_discovery_to_logout() {
    for alg in ["RS256", "ES256", "EdDSA"] {
        let one = Registration::new("crate").alg(alg).scope("openid email").start().await;
        let app = Setup::on(Engine::Sqlite).program(&[&one]).await;
        serve(&app, &one.registration().secret.clone().unwrap(), &one.url("/callback"), &one.url("/bye")).await;
    }
}

async fn serve(app: &TestApp<Program>, secret: &str, callback: &str, bye: &str) {
    let metadata =
        ProviderMetadataWithLogout::discover_async(IssuerUrl::new(app.url("")).unwrap(), &http).await.unwrap();
    let end_session = metadata.additional_metadata().end_session_endpoint.clone().expect("an end_session_endpoint");
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new("crate".to_owned()),
        Some(ClientSecret::new(secret.to_owned())),
    )
    .set_redirect_uri(RedirectUrl::new(callback.to_owned()).unwrap())
    .set_introspection_url(IntrospectionUrl::new(app.url("/oauth2/v1/introspect")).unwrap());

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let browser = Browser::new();
    let page = browser.open(url.as_str()).await;
    // The callback is another application's, which does not know this state and says so; its address has the code.
    let page = app.sign_in(&browser, &page, "alice").await;
    let query: std::collections::HashMap<_, _> = page.query().into_iter().collect();
    assert_eq!(&query["state"], state.secret());
    let code = AuthorizationCode::new(query["code"].clone());

    let tokens = client.exchange_code(code).unwrap().set_pkce_verifier(verifier).request_async(&http).await.unwrap();
    let id_token = tokens.id_token().expect("an ID token");
    let verifier = client.id_token_verifier();
    let claims = id_token.claims(&verifier, &nonce).unwrap();
    let hash = claims.access_token_hash().expect("at_hash");
    let alg = id_token.signing_alg().unwrap();
    let key = id_token.signing_key(&verifier).unwrap();
    assert_eq!(&AccessTokenHash::from_token(tokens.access_token(), alg, key).unwrap(), hash);

    let who: CoreUserInfoClaims = client
        .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
        .unwrap()
        .request_async(&http)
        .await
        .unwrap();
    assert_eq!(who.email().map(|email| email.as_str()), Some("alice@example.com"));

    let refresh = tokens.refresh_token().expect("a refresh token").clone();
    let renewed = client.exchange_refresh_token(&refresh).unwrap().request_async(&http).await.unwrap();
    let seen = client.introspect(renewed.access_token()).request_async(&http).await.unwrap();
    assert!(seen.active());

    let logout: LogoutRequest = end_session.into();
    let url = logout
        .set_id_token_hint(id_token)
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(bye.to_owned()).unwrap())
        .set_state(CsrfToken::new("after".to_owned()))
        .http_get_url();
    let landing = browser.open(url.as_str()).await;
    assert_eq!(landing.query(), [("state".to_owned(), "after".to_owned())], "{landing}");
    let seen = client.introspect(renewed.access_token()).request_async(&http).await.unwrap();
    assert!(!seen.active());
    let refused =
        client.exchange_refresh_token(renewed.refresh_token().unwrap_or(&refresh)).unwrap().request_async(&http).await;
    assert!(refused.is_err());
}
