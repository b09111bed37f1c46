//! What identity providers send, and what others send in their name.

use acquit_core::Timestamp;
use acquit_oidc::jose::{Algorithm, LogoutSubject, LogoutTokenClaims};
use acquit_server::clock::Clock;
use acquit_testkit::wire;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;

impl World {
    pub(crate) fn now(&self) -> Timestamp {
        self.upstream.runs.clock.now()
    }

    /// A logout token that the provider signs.
    pub(crate) fn signed(&self, claims: &LogoutTokenClaims) -> String {
        let signer = self.upstream.runs.app.keys.signing(Algorithm::Es256, self.now()).unwrap();
        signer.key.sign_logout_token(claims).unwrap()
    }

    pub(crate) fn claims(&self, client: &str, jti: &str, subject: LogoutSubject) -> LogoutTokenClaims {
        LogoutTokenClaims::new(&self.upstream.url(""), client, jti.to_owned(), self.now(), subject)
    }

    pub(crate) async fn send(&self, token: &str) -> u16 {
        let url = self.broker.url(&format!("/sso/oidc/backchannel-logout/{KEY}"));
        let response = wire::post_form(&url, &[("logout_token", token)], &[]).await.unwrap();
        assert!(!response.headers().contains_key("location"));
        response.status().as_u16()
    }

    /// The provider's names for the sessions that the broker has from it.
    pub(crate) async fn sids(&self) -> Vec<String> {
        let mut sids = Vec::new();
        for session in self.upstream.live_sessions().await {
            let id = acquit_core::SessionId::parse(session["id"].as_str().unwrap()).unwrap();
            let view = self.upstream.runs.app.store.session(&id).await.unwrap().unwrap();
            sids.extend(view.participants.into_iter().map(|joined| joined.sid));
        }
        sids
    }
}

fn of(sid: &str) -> LogoutSubject {
    LogoutSubject::Session { sid: sid.to_owned(), sub: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_that_is_not_good_ends_nothing() {
    let world = world(Engine::Sqlite).await;
    world.enter("alice").await;
    let sid = world.sids().await.remove(0);
    let good = world.claims("acquit", "jti-1", of(&sid));
    let text = world.signed(&good);
    let parts: Vec<_> = text.split('.').collect();
    let known = {
        use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        let header = Header { typ: Some("logout+jwt".to_owned()), ..Header::new(Algorithm::HS256) };
        // The secret that samples of tokens are signed with, WorkOS's among them.
        encode(&header, &claims, &EncodingKey::from_secret(b"your-256-bit-secret")).unwrap()
    };
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"logout+jwt"}"#);
    let other_body = URL_SAFE_NO_PAD
        .encode(String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap().replace("jti-1", "jti-2"));
    let late = LogoutTokenClaims::new(
        &world.upstream.url(""),
        "acquit",
        "jti-3".to_owned(),
        world.now().minus(Duration::from_secs(3600)),
        of(&sid),
    );
    let foreign = LogoutTokenClaims::new("https://evil.example", "acquit", "jti-4".to_owned(), world.now(), of(&sid));
    for (what, token) in [
        ("nothing", String::new()),
        ("garbage", "a.b.c".to_owned()),
        ("no signature", format!("{none}.{}.", parts[1])),
        ("a secret that everybody knows", known),
        ("other claims under the signature", format!("{}.{other_body}.{}", parts[0], parts[2])),
        ("another client's", world.signed(&world.claims("other", "jti-5", of(&sid)))),
        ("expired", world.signed(&late)),
        ("another issuer's", world.signed(&foreign)),
    ] {
        assert_eq!(world.send(&token).await, 400, "{what}");
    }
    let url = world.broker.url("/sso/oidc/backchannel-logout/no-such-key-0123456789");
    assert_eq!(wire::post_form(&url, &[("logout_token", &text)], &[]).await.unwrap().status(), 404);
    assert_eq!(world.broker.live_sessions().await.len(), 1, "and the session lives");
    assert!(world.broker.receipts().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_is_acted_on_once_and_another_with_its_name_is_refused() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        world.enter("alice").await;
        let sid = world.sids().await.remove(0);
        let token = world.signed(&world.claims("acquit", "jti-1", of(&sid)));
        let twice = futures_util::future::join(world.send(&token), world.send(&token)).await;
        assert_eq!(twice, (200, 200), "also twice at once");
        assert!(world.broker.live_sessions().await.is_empty());
        assert_eq!(world.send(&token).await, 200, "the same bytes are answered the same");
        assert_eq!(only_receipt(&world.broker).await["requested"]["by"], "upstream", "and are one logout");
        let other = world.signed(&world.claims("acquit", "jti-1", of("another-session-0123456789")));
        assert_eq!(world.send(&other).await, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_different_tokens_of_one_name_at_the_same_instant_one_is_refused() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        world.enter("alice").await;
        let there = world.sids().await.remove(0);
        for round in 0..12 {
            let name = format!("jti-{round}");
            let one = world.signed(&world.claims("acquit", &name, of(&format!("nobodys-session-{round}"))));
            let other = world.signed(&world.claims("acquit", &name, of(&there)));
            let (one, other) = futures_util::future::join(world.send(&one), world.send(&other)).await;
            let mut answers = [one, other];
            answers.sort_unstable();
            assert_eq!(answers, [200, 400], "round {round}");
            if other == 200 {
                // As the same session there: the tombstone of it is old enough by then.
                world.broker.runs.advance(Duration::from_secs(11 * 60));
                world.upstream.runs.advance(Duration::from_secs(11 * 60));
                world.enter("alice").await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_there_that_was_two_peoples_ends_for_both() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        world.enter("alice").await;
        let bob = World { browser: Browser::new(), ..world };
        bob.enter("bob").await;
        let store = &bob.broker.runs.app.store;
        let now = bob.broker.runs.clock.now();
        // One browser there, in which one of them took over from the other without the session's name changing.
        for session in bob.broker.live_sessions().await {
            let id = acquit_core::SessionId::parse(session["id"].as_str().unwrap()).unwrap();
            let view = store.session(&id).await.unwrap().unwrap();
            let upstream = acquit_store::upstream::NewUpstream {
                id: acquit_core::UpstreamId::from_random(*acquit_server::random::bytes::<16>().as_ref().unwrap()),
                connection: acquit_core::ConnectionId::parse("conn_01EXAMPLE").unwrap(),
                organization: None,
                left_at: None,
                revalidate_at: None,
                protocol: acquit_core::participant::Protocol::Oidc,
                subject: view.user.id.to_string(),
                sid: Some("the-same-session-there-0123".to_owned()),
                held: acquit_core::upstream::Held { access: false, refresh: false },
                channels: acquit_core::upstream::UpstreamChannels::default(),
                sealed: Vec::new(),
                graves: acquit_store::upstream::Graves::default(),
            };
            let lifetimes =
                acquit_core::session::Lifetimes { idle: Duration::MAX, max: Duration::MAX, program: Duration::MAX };
            let handle = acquit_server::random::hash(id.as_str());
            assert!(store.reauthenticate(&id, &handle, Some(upstream), now, lifetimes).await.unwrap());
        }
        assert_eq!(bob.broker.live_sessions().await.len(), 2);
        let token = bob.signed(&bob.claims("acquit", "jti-1", of("the-same-session-there-0123")));
        assert_eq!(bob.send(&token).await, 200);
        assert!(bob.broker.live_sessions().await.is_empty());
        assert_eq!(bob.broker.receipts().await.len(), 2, "a logout for each");
        assert_eq!(bob.send(&token).await, 200);
        assert_eq!(bob.broker.receipts().await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_whose_logout_overtook_it_is_refused() {
    for engine in Engine::BOTH {
        let world = world_with(engine, "logout = \"local\"").await;
        let reply = world.enter("alice").await;
        let sid = world.sids().await.remove(0);
        // Out here only: the provider knows nothing of it, and would sign her in again as the same session.
        let url = world.logout_url(profile_id(&reply)).await;
        land(&world, &url).await;
        assert!(world.is_signed_in_upstream().await && !world.is_signed_in().await);
        // Now the provider ends that session, and its word is faster than the browser.
        assert_eq!(world.send(&world.signed(&world.claims("acquit", "jti-1", of(&sid)))).await, 200);
        let page = world.browser.open(&world.authorize("connection=conn_01EXAMPLE")).await;
        assert_eq!((page.status, page.mark().as_deref()), (403, Some("error")), "{page}");
        assert!(world.broker.live_sessions().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_person_ends_when_the_provider_names_no_session() {
    let world = world(Engine::Sqlite).await;
    let reply = world.enter("alice").await;
    let there = reply["profile"]["idp_id"].as_str().unwrap().to_owned();
    let elsewhere = World { browser: Browser::new(), ..world };
    elsewhere.enter("alice").await;
    let third = World { browser: Browser::new(), ..elsewhere };
    third.enter("bob").await;
    assert_eq!(third.broker.live_sessions().await.len(), 3);
    let token = third.signed(&third.claims("acquit", "jti-1", LogoutSubject::User { sub: there }));
    assert_eq!(third.send(&token).await, 200);
    assert_eq!(third.broker.live_sessions().await.len(), 1, "Bob stays");
    assert_eq!(only_receipt(&third.broker).await["sessions"].as_array().unwrap().len(), 2, "by one logout");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_of_openid_gets_people_of_a_connection_by_the_domain_of_their_name() {
    let world = world(Engine::Sqlite).await;
    let page = world.wiki.begin(&world.browser, &[("login_hint", "alice@example.com")]).await;
    let link = page.tags("a").into_iter().find(|tag| tag.get("data-connection").is_some());
    let link = link.unwrap_or_else(|| panic!("no link: {page}"));
    assert_eq!(link.get("data-connection"), Some("conn_01EXAMPLE"));
    let there = world.browser.click(&page, link.get("href").unwrap()).await;
    world.upstream.sign_in(&world.browser, &there, "alice").await;
    assert!(world.wiki.knows(&world.browser).await);
    // Who the customers are is nobody's business.
    let stranger = Browser::new();
    let page = world.wiki.begin(&stranger, &[("login_hint", "alice@other.example")]).await;
    assert!(page.tags("a").iter().all(|tag| tag.get("data-connection").is_none()), "{page}");
}
