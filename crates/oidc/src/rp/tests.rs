//! Both sides of this crate against each other, as when Acquit is behind Acquit; and garbage against the one that reads.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::{
    authorize,
    client::tests::payroll,
    client_auth::{Credentials, Proof},
    discovery::{Capabilities, Metadata, Paths},
    end_session::EndSessionRequest,
    frontchannel as provider_frontchannel,
    jose::{
        Algorithm, IdTokenClaims, Jwks,
        tests::{ISSUER, NOW, key},
        verify_id_token_hint,
    },
    params::Params,
    response::{Response, ResponseMode},
    revoke::{RevocationRequest, TokenKind},
    scope::Scopes,
    token::{CodeBinding, TokenRequest, TokenResponse},
};

const CALLBACK: &str = "https://payroll.example.com/callback";
const STATE: &str = "state-0123456789abcdefghij";
const NONCE: &str = "nonce-0123456789abcdefghij";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const US: RpClient<'static> =
    RpClient { id: "payroll", auth: ClientAuth::Basic { secret: "a secret of thirty-two bytes or more" } };

fn upstream() -> Provider {
    let can = Capabilities { algorithms: vec![Algorithm::Es256], ..Capabilities::default() };
    let document = serde_json::to_vec(&Metadata::new(ISSUER, &Paths::NATIVE, &can)).unwrap();
    Provider::parse(&document, Expected::Issuer(ISSUER)).unwrap()
}

fn query(url: &str) -> Params {
    Params::parse(url.split_once('?').unwrap().1.as_bytes()).unwrap()
}

fn proved(post: &Post) -> Params {
    let params = Params::parse(post.body.as_bytes()).unwrap();
    let header = post.authorization.as_ref().map(|header| header.as_str());
    let credentials = Credentials::parse(header, &params).unwrap();
    let proof = credentials.verify(Some(&payroll()), None, &[ISSUER, &post.url], NOW);
    assert_eq!(proof, Ok(Proof::Secret));
    params
}

fn id_token(nonce: Option<String>, access_token: &str) -> String {
    let claims = IdTokenClaims {
        iss: ISSUER.into(),
        sub: "alice".into(),
        aud: "payroll".into(),
        exp: NOW.plus(Duration::from_secs(300)),
        iat: NOW,
        auth_time: Some(NOW),
        nonce,
        acr: None,
        amr: vec!["pwd".into()],
        sid: Some("s1".into()),
        at_hash: Some(Algorithm::Es256.half_hash(access_token)),
        c_hash: None,
        user: json!({"email": "alice@a.example", "groups": ["staff"]}).as_object().unwrap().clone(),
    };
    key(Algorithm::Es256).sign_id_token(&claims).unwrap()
}

#[test]
fn our_own_provider_can_do_everything_that_is_asked_of_one() {
    let provider = upstream();
    let abilities = provider.abilities();
    assert!(abilities.rp_initiated && abilities.revocation && abilities.revalidation && provider.sends_iss);
    assert_eq!((abilities.back_channel, abilities.front_channel), (Tells::WithSession, Tells::WithSession));
    for auth_method in ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"] {
        let wanted =
            Wanted { alg: Algorithm::Es256, auth_method, scopes: &[], response_mode: None, shared_callback: true };
        assert_eq!(provider.misfits(wanted), []);
    }
}

#[test]
fn a_sign_in_goes_through_from_the_request_to_the_profile() {
    let provider = upstream();
    let scopes = ["email".to_owned(), "groups".to_owned()];
    let request = AuthorizationRequest {
        scopes: &scopes,
        prompt: Some("login"),
        max_age: Some(Duration::from_secs(60)),
        ..AuthorizationRequest::new("payroll", CALLBACK, STATE, NONCE, VERIFIER)
    };
    for mode in [ResponseMode::Query, ResponseMode::FormPost] {
        let url = AuthorizationRequest { response_mode: Some(mode), ..request }.url(&provider).unwrap();
        let read = authorize::parse(&query(&url), &payroll(), authorize::Via::Browser).unwrap();
        assert!(read.prompt.login && read.max_age == Some(60));
        let answer = match read.code(ISSUER, "the code") {
            Response::Redirect { url } => query(&url),
            Response::FormPost { fields, .. } => Params::from_pairs(fields).unwrap(),
        };
        let Ok(Callback::Code(code)) = Callback::parse(&answer, CallbackRules::new(&provider, STATE)) else { panic!() };

        let grant = Grant::Code { code: &code, verifier: VERIFIER, redirect_uri: CALLBACK };
        let post = token::request(&provider, &US, grant).unwrap();
        let asked = TokenRequest::parse(&proved(&post), &payroll()).unwrap();
        let TokenRequest::Code { code, redirect_uri, code_verifier } = asked else { panic!() };
        let challenge = read.code_challenge.as_deref();
        let binding = CodeBinding { client_id: "payroll", redirect_uri: CALLBACK, code_challenge: challenge };
        assert_eq!(binding.check(&payroll(), &redirect_uri, code_verifier.as_deref()), Ok(()));

        let mut answer = TokenResponse::new("at-1".into(), 600, Scopes::parse("openid email"));
        answer.id_token = Some(id_token(read.nonce, "at-1"));
        answer.refresh_token = Some("rt-1".into());
        let tokens = token::answer(200, &serde_json::to_vec(&answer).unwrap()).unwrap();

        let asked = id_token::Asked {
            client_id: "payroll",
            alg: Algorithm::Es256,
            nonce: NONCE,
            max_age: request.max_age,
            acr: &[],
        };
        let keys = Jwks::of([key(Algorithm::Es256).public_jwk()]);
        let came_with = (code.as_str(), tokens.access_token.as_str());
        let token = id_token::judge(&keys, &provider, &asked, came_with, tokens.id_token().unwrap(), NOW).unwrap();
        let userinfo = json!({"sub": "alice", "given_name": "Alice"}).to_string();
        let userinfo = userinfo::answer(200, Some("application/json"), userinfo.as_bytes(), &token).unwrap();
        let profile = AttributeMap::default().profile(&token.subject, &userinfo::together(&token, userinfo));
        assert_eq!((profile.idp_id.as_str(), token.sid.as_deref()), ("alice", Some("s1")));
        assert_eq!((profile.email.as_deref(), profile.first_name.as_deref()), (Some("alice@a.example"), Some("Alice")));
        assert_eq!(profile.groups, ["staff"]);
        // The token of another exchange does not pass for this one's.
        let other = id_token(Some(NONCE.into()), "at-2");
        assert!(id_token::judge(&keys, &provider, &asked, came_with, &other, NOW).is_err());
    }
}

#[test]
fn a_refusal_of_our_own_provider_is_understood() {
    let provider = upstream();
    let url = AuthorizationRequest::new("payroll", CALLBACK, STATE, NONCE, VERIFIER).url(&provider).unwrap();
    let read = authorize::parse(&query(&url), &payroll(), authorize::Via::Browser).unwrap();
    let error = crate::error::OAuthError::new(crate::error::ErrorCode::AccessDenied, "the person said no");
    let Response::Redirect { url } = read.error(ISSUER, &error) else { panic!() };
    let answer = Callback::parse(&query(&url), CallbackRules::new(&provider, STATE)).unwrap();
    let Callback::Failure(failure) = answer else { panic!() };
    assert_eq!(failure.to_string(), "access_denied: the person said no");
    let left = serde_json::to_vec(&crate::token::UNKNOWN_GRANT).unwrap();
    assert!(token::answer(400, &left).unwrap_err().is_invalid_grant());
}

#[test]
fn a_sign_out_is_understood_by_our_own_provider() {
    let provider = upstream();
    let hint = id_token(None, "at-1");
    let back = Back { uri: "https://payroll.example.com/bye", state: STATE };
    let request = EndSession {
        id_token_hint: Some(&hint),
        client_id: "payroll",
        back: Some(back),
        logout_hint: Some("s1"),
        ui_locales: Some("de en"),
    };
    let read =
        EndSessionRequest::parse(&query(&request.url(provider.end_session_endpoint.as_deref().unwrap()).unwrap().url));
    assert_eq!((read.client_id.as_deref(), read.state.as_deref()), (Some("payroll"), Some(STATE)));
    assert_eq!(read.post_logout_redirect_uri.as_deref(), Some(back.uri));
    assert_eq!(read.ui_locales, ["de", "en"]);
    let keys = Jwks::of([key(Algorithm::Es256).public_jwk()]);
    let hint = verify_id_token_hint(&keys, ISSUER, read.id_token_hint.as_deref().unwrap()).unwrap();
    assert_eq!((hint.client_id.as_str(), hint.sid.as_deref()), ("payroll", Some("s1")));

    let post = revoke::request(
        (&provider.issuer, provider.revocation_endpoint.as_deref().unwrap()),
        &US,
        TokenKind::Refresh,
        "rt-1",
    )
    .unwrap();
    let asked = RevocationRequest::parse(&proved(&post)).unwrap();
    assert!(asked == RevocationRequest { token: "rt-1".into(), hint: Some(TokenKind::Refresh) });

    let session = provider_frontchannel::Session { iss: ISSUER, sid: "s1" };
    let frame = provider_frontchannel::frame_uri("https://id.example.com/sso/oidc/idp-logout/k1", Some(session));
    assert_eq!(frontchannel::parse(&query(&frame), &provider.issuer), Ok(Some("s1")));
}

/// JSON of any shape under names that mean something.
fn shapes() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        "\\PC{0,20}".prop_map(|value| json!(value)),
        Just(json!("https://login.example.org/tenant")),
    ];
    let names = prop::sample::select(vec![
        "issuer",
        "token_endpoint",
        "scopes_supported",
        "access_token",
        "token_type",
        "expires_in",
        "scope",
        "error",
        "sub",
        "email",
        "groups",
        "name",
        "a",
        "b",
    ]);
    leaf.prop_recursive(4, 64, 8, move |inner| {
        let names = names.clone();
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(|list| json!(list)),
            prop::collection::vec((names, inner), 0..8)
                .prop_map(|pairs| pairs
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<Map<_, _>>())
                .prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_provider_answers_nothing_here_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        value in shapes(),
        status in 0_u16..1000,
    ) {
        let subject = verified();
        for body in [bytes.as_slice(), value.to_string().as_bytes()] {
            let _ = Provider::parse(body, Expected::Issuer(ISSUER));
            let _ = token::answer(status, body);
            let _ = revoke::answer(TokenKind::Access, status, None, body);
            let _ = userinfo::answer(status, Some("application/json"), body, &subject);
            if let Ok(params) = Params::parse(body) {
                let _ = Callback::parse(&params, CallbackRules { state: STATE, issuer: ISSUER, require_iss: false });
                let _ = frontchannel::parse(&params, ISSUER);
            }
        }
    }

    #[test]
    fn whatever_claims_say_a_profile_stays_within_its_bounds(claims in prop::collection::vec(shapes(), 7)) {
        let names = ["email", "email_verified", "given_name", "family_name", "name", "groups", "a"];
        let claims: Map<_, _> = names.into_iter().map(str::to_owned).zip(claims).collect();
        let map = AttributeMap { custom: [("own".to_owned(), "a.b".to_owned())].into(), ..AttributeMap::default() };
        let profile = map.profile("u-1", &claims);
        prop_assert_eq!(profile.idp_id.as_str(), "u-1");
        prop_assert!(profile.email.is_none_or(|email| email.contains('@') && email.len() <= attributes::MAX_EMAIL));
        prop_assert!(profile.groups.iter().all(|group| !group.is_empty() && group.len() <= attributes::MAX_GROUP));
        prop_assert!(profile.custom.values().all(|value| !value.is_object() && !value.is_null()));
    }

    #[test]
    fn whatever_free_parameters_say_ours_arrive_as_they_are(
        free in prop::collection::vec(("\\PC{1,12}", "\\PC{0,30}"), 0..4),
        hint in "\\PC{0,30}",
    ) {
        let mut request = AuthorizationRequest::new("payroll", CALLBACK, STATE, NONCE, VERIFIER);
        request.free = &free;
        request.login_hint = Some(&hint);
        if let Ok(url) = request.url(&upstream()) {
            let params = query(&url);
            prop_assert!(url.is_ascii());
            prop_assert_eq!(params.get("state"), Some(STATE));
            prop_assert_eq!(params.get("redirect_uri"), Some(CALLBACK));
            prop_assert_eq!(params.get("response_type"), Some("code"));
            prop_assert_eq!(params.get("login_hint").unwrap_or_default(), hint.as_str());
        }
    }
}

fn verified() -> crate::jose::IdToken {
    crate::jose::IdToken {
        subject: "u-1".into(),
        sid: None,
        issued_at: NOW,
        expires_at: NOW,
        auth_time: None,
        acr: None,
        nonce: None,
        others: Map::new(),
    }
}
