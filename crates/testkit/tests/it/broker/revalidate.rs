//! `revalidate`: a provider that notifies nobody is asked, with the refresh token, whether somebody is still welcome there.

use acquit_core::SessionId;
use acquit_server::{
    broker::revalidate::round,
    reload::reload,
    settings::{
        Secret,
        broker::{Authentication, UpstreamProvider},
    },
    sweep,
};

use super::*;
use crate::world::until;

const MINUTE: Duration = Duration::from_secs(60);

impl World {
    /// Lets time pass on both sides, and asks about everybody who is due then; about how many.
    async fn after(&self, time: Duration) -> usize {
        self.broker.runs.advance(time);
        self.upstream.runs.advance(time);
        round(&self.broker.runs.app).await.unwrap()
    }

    /// The refresh token at the provider is used up with each question: how often that was, the provider knows.
    async fn secrets(&self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for session in self.broker.all("/api/v1/sessions").await {
            let id = SessionId::parse(session["id"].as_str().unwrap()).unwrap();
            for upstream in self.broker.runs.app.store.upstreams(&id).await.unwrap() {
                all.extend(self.broker.runs.app.store.upstream_secrets(&upstream.id).await.unwrap());
            }
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_whom_the_provider_lets_go_is_out_at_the_next_question_and_everybody_is_told() {
    for engine in Engine::BOTH {
        let world = made(engine, "revalidate = \"10m\"", "", Told::No).await;
        world.enter("alice").await;
        world.wiki.begin(&world.browser, &[]).await;
        assert_eq!(world.after(9 * MINUTE).await, 0, "not before it is time");
        // The provider takes each refresh token once: without keeping the new one the second question would end it.
        let mut before = world.secrets().await;
        for _ in 0..3 {
            assert_eq!(world.after(10 * MINUTE).await, 1);
            assert!(world.is_signed_in().await);
            let now = world.secrets().await;
            assert_ne!(now, before, "the new one is kept, sealed anew");
            before = now;
        }
        // An operator there ends all of alice, and tells nobody.
        let (status, answer) = world
            .upstream
            .api(Method::POST, "/api/v1/logouts", Some(&json!({ "scope": "user", "user": "alice", "reason": "left" })))
            .await;
        assert_eq!(status, 202, "{answer}");
        assert!(world.is_signed_in().await, "nobody told us");
        assert_eq!(world.after(10 * MINUTE).await, 1);
        assert!(!world.is_signed_in().await);
        world.wiki.ledger().wait(Way::Back, 1, Duration::from_secs(10)).await;
        assert!(!world.wiki.knows(&world.browser).await);
        let receipt = only_receipt(&world.broker).await;
        assert_eq!(
            (&receipt["requested"]["by"], &receipt["requested"]["party"]),
            (&json!("policy"), &json!("conn_01EXAMPLE"))
        );
        assert!(receipt["requested"]["reason"].as_str().unwrap().contains("invalid_grant"), "{receipt:#}");
        assert_eq!(world.after(10 * MINUTE).await, 0, "and nobody is asked about it again");
        assert_eq!(world.broker.receipts().await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_or_refuses_us_ends_nobodys_session() {
    let world = made(Engine::Sqlite, "revalidate = \"10m\"", "", Told::No).await;
    world.enter("alice").await;
    let app = &world.broker.runs.app;
    let with_secret = async |secret: &str| {
        let mut settings = (*app.settings()).clone();
        let UpstreamProvider::Oidc(oidc) = &mut settings.connections[0].provider else { unreachable!() };
        oidc.authentication = Authentication::Basic(Secret::new(secret));
        reload(app, settings).await.unwrap();
    };
    with_secret("not-the-secret-that-the-provider-knows").await;
    assert_eq!(world.after(10 * MINUTE).await, 1, "refused as a client");
    assert!(world.is_signed_in().await);
    // Sooner again than the interval, and later and later.
    assert_eq!(world.after(Duration::from_secs(14)).await, 0);
    assert_eq!(world.after(Duration::from_secs(1)).await, 1);
    assert_eq!(world.after(Duration::from_secs(29)).await, 0);
    with_secret("a-secret-of-the-broker-at-its-upstream-0123").await;
    assert_eq!(world.after(Duration::from_secs(1)).await, 1, "it works again");
    assert_eq!(world.after(9 * MINUTE).await, 0, "and has its own interval again");

    // Nobody there at all.
    let World { upstream, broker, browser, .. } = world;
    drop(upstream);
    broker.runs.advance(MINUTE);
    assert_eq!(round(&broker.runs.app).await.unwrap(), 1);
    assert_eq!(browser.open(&broker.url("/account")).await.mark().as_deref(), Some("account"));
    assert!(broker.receipts().await.is_empty(), "no logout came of any of it");
    let mut settings = (*broker.runs.app.settings()).clone();
    settings.connections[0].revalidate = None;
    reload(&broker.runs.app, settings).await.unwrap();
    for _ in 0..2 {
        broker.runs.advance(10 * MINUTE);
        round(&broker.runs.app).await.unwrap();
    }
    broker.runs.advance(60 * MINUTE);
    assert_eq!(round(&broker.runs.app).await.unwrap(), 0, "what is switched off asks about nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_gone_as_soon_as_they_were_given_back() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        let reply = world.enter("alice").await;
        let app = &world.broker.runs.app;
        sweep::wipe(app).await.unwrap();
        assert!(
            world.secrets().await.iter().all(|sealed| !sealed.is_empty()),
            "they are needed while the session lives"
        );
        let url = world.logout_url(profile_id(&reply)).await;
        assert_eq!(land(&world, &url).await.as_str(), BYE);
        let id = only_receipt(&world.broker).await["id"].as_str().unwrap().to_owned();
        let receipt = settled(&world.broker, &id, Duration::from_secs(10)).await;
        assert_eq!(outcome(&receipt, "conn_01EXAMPLE", "revocation"), "confirmed", "{receipt:#}");
        sweep::wipe(app).await.unwrap();
        let left = world.secrets().await;
        assert!(!left.is_empty() && left.iter().all(Vec::is_empty), "{left:?}");
        // The rest of the receipt stays as it was.
        assert_eq!(world.broker.receipt(&id).await, receipt);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_provider_never_goes_to_another() {
    let world = made(Engine::Sqlite, "revalidate = \"10m\"", "", Told::No).await;
    world.enter("alice").await;
    let app = &world.broker.runs.app;
    let mut settings = (*app.settings()).clone();
    let UpstreamProvider::Oidc(oidc) = &mut settings.connections[0].provider else { unreachable!() };
    oidc.issuer = "http://127.0.0.1:1".to_owned();
    // Before the sessions of the former one are ended, which another node may be about to do.
    let _ = app.clients.connections().replace(&settings);
    assert_eq!(world.after(10 * MINUTE).await, 1, "it is looked at");
    assert_eq!(world.after(10 * MINUTE).await, 0, "and not to be asked about, neither there nor again");
    assert!(world.is_signed_in().await);
    reload(app, settings).await.unwrap();
    assert!(!world.is_signed_in().await, "whom the former one brought");
    let id = only_receipt(&world.broker).await["id"].as_str().unwrap().to_owned();
    until(Duration::from_secs(10), "its tokens go back to the former one", async || {
        (outcome(&world.broker.receipt(&id).await, "conn_01EXAMPLE", "revocation") == "confirmed").then_some(())
    })
    .await;
}
