//! The broker, with the npm package `oidc-provider` as the customer's identity provider: what is left there after a sign-out,
//! by its own books.

use std::time::{Duration, Instant};

use acquit_server::clock::{Clock, SystemClock};
use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, TestApp, TestRp,
    acquit::{InProcess, Program, outcome},
    peers::{self, OidcUpstream},
    rp::ledger::Way,
    sp::ride,
};
use serde_json::{Value, json};

use crate::{
    broker_wire::{self, API_KEY, CLIENT, value},
    world::{only_receipt, settled, until},
};

mod proofs;
mod routes;

const SOON: Duration = Duration::from_secs(10);

/// A broker with a customer and an application of each kind.
pub(crate) struct World<R = InProcess> {
    pub(crate) upstream: OidcUpstream,
    pub(crate) app: TestApp<R>,
    /// An OpenID Connect application.
    pub(crate) wiki: TestRp,
    /// The pages of the broker application; what it does is in the tests.
    pub(crate) saas: TestRp,
    pub(crate) browser: Browser,
}

impl World {
    /// In this process, at this host.
    pub(crate) async fn at(host: &str, engine: Engine) -> Self {
        Self::proving("client_secret_basic", host, engine).await
    }

    /// The same, with the broker proving itself at the provider by this method.
    async fn proving(method: &'static str, host: &str, engine: Engine) -> Self {
        Self::made(parts(engine, OidcUpstream::new().proving(method)).await, host, "").await
    }

    /// Of these parts, with more configuration.
    async fn made((setup, mut upstream, wiki, saas): Parts, host: &str, more: &str) -> Self {
        let app = setup.with(more).host(host).start(&[&wiki]).await;
        // Software by others has no other clock than the machine's.
        app.runs.clock.set(SystemClock.now());
        upstream.start(&app.url("")).await;
        Self { upstream, app, wiki, saas, browser: Browser::new() }
    }
}

impl World<Program> {
    /// As a program, to be killed.
    async fn program(engine: Engine) -> Self {
        let (setup, mut upstream, wiki, saas) = parts(engine, OidcUpstream::new()).await;
        let app = setup.host("id.localhost").program(&[&wiki]).await;
        upstream.start(&app.url("")).await;
        Self { upstream, app, wiki, saas, browser: Browser::new() }
    }
}

type Parts = (Setup, OidcUpstream, TestRp, TestRp);

async fn parts(engine: Engine, upstream: OidcUpstream) -> Parts {
    let wiki = Registration::new("wiki").start().await;
    let saas = Registration::new("saas").start().await;
    let configuration = format!(
        "{}[[applications]]\nid = \"saas\"\nprotocol = \"broker\"\nclient_id = \"{CLIENT}\"\napi_key = \"{API_KEY}\"\n\
         manage = true\nredirect_uris = [\"{}\"]\nlogout_uri = \"{}\"\npost_logout_redirect_uris = [\"{}\"]\n",
        upstream.configuration(),
        saas.url("/callback"),
        saas.url("/frontchannel"),
        saas.url("/bye"),
    );
    (Setup::on(engine).with(&configuration), upstream, wiki, saas)
}

impl<R> World<R> {
    /// An authorization request that also asks the provider for a refresh token.
    fn authorize(&self) -> String {
        let more = [("provider_query_params[prompt]", "consent")];
        broker_wire::authorize(&self.app, &self.saas.url("/callback"), OidcUpstream::CONNECTION, &more)
    }

    /// Follows an authorization URL in the browser, by the provider's sign-in page where that shows; the callback's query.
    pub(crate) async fn follow(&self, url: &str, login: &str) -> Vec<(String, String)> {
        let mut page = self.browser.open(url).await;
        if page.mark().as_deref() == Some("upstream-sign-in") {
            page = self.upstream.sign_in(&self.browser, &page, login).await;
        }
        assert!(page.url.as_str().starts_with(&self.saas.url("/callback")), "{page}");
        page.query()
    }

    /// Signs in at the broker application; its token reply.
    async fn enter(&self, login: &str) -> Value {
        let answer = self.follow(&self.authorize(), login).await;
        broker_wire::exchange(&self.app, &answer).await
    }

    /// The right to a logout, as a URL.
    async fn logout_url(&self, reply: &Value) -> String {
        broker_wire::logout_url(&self.app, reply).await
    }

    /// Opens a logout URL and goes on as a browser does, to the landing page or to the provider's question.
    pub(crate) async fn sign_out(&self, url: &str) -> Page {
        ride(&self.browser, self.browser.open(url).await).await
    }

    /// The session is used by a second application, of OpenID Connect.
    async fn join_wiki(&self) {
        self.wiki.begin(&self.browser, &[]).await;
        assert!(self.wiki.knows(&self.browser).await);
    }

    async fn is_signed_in(&self) -> bool {
        self.browser.open(&self.app.url("/account")).await.mark().as_deref() == Some("account")
    }
}

/// The outcomes of a channel's steps, in a receipt.
fn outcomes(receipt: &Value, channel: &str) -> Vec<String> {
    let steps = receipt["steps"].as_array().unwrap().iter().filter(|step| step["channel"] == channel);
    steps.map(|step| step["outcome"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_of_oidc_provider_signs_in_with_the_claims_of_its_userinfo() {
    if !peers::take_part() {
        return;
    }
    let world = World::at("id.localhost", Engine::Sqlite).await;
    let reply = world.enter("erin").await;
    let profile = &reply["profile"];
    let expected = json!({
        "object": "profile", "organization_id": OidcUpstream::ORGANIZATION, "connection_id": OidcUpstream::CONNECTION,
        "connection_type": "GenericOIDC", "idp_id": "up-erin", "email": "erin@customer.example", "first_name": "erin",
        "last_name": "Upstream", "name": "erin Upstream", "role": null, "roles": null, "groups": ["Everyone", "Payroll"],
        "custom_attributes": { "department": "R&D" }, "raw_attributes": {}, "id": profile["id"],
    });
    assert_eq!(*profile, expected);
    let knows = world.upstream.knows().await;
    assert_eq!(knows.sessions, ["up-erin"]);
    assert_eq!(knows.values("access_token").len(), 1);
    assert_eq!(knows.values("refresh_token").len(), 1, "offline_access with consent: {:#?}", knows.asked);
    assert_eq!(knows.asked_for("/me").len(), 1, "asked for more than the ID token says");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_ends_the_session_there_and_revokes_its_tokens_there() {
    if !peers::take_part() {
        return;
    }
    for engine in Engine::BOTH {
        let world = World::at("id.localhost", engine).await;
        let reply = world.enter("erin").await;
        world.join_wiki().await;
        let before = world.upstream.knows().await;
        let tokens = [before.values("access_token"), before.values("refresh_token")].concat();
        assert_eq!(tokens.len(), 2);
        for token in &tokens {
            assert!(world.upstream.introspect(token).await);
        }

        let url = world.logout_url(&reply).await;
        let question = world.sign_out(&url).await;
        // The browser is at the provider, which asks, as its default is. The person is out here already.
        assert_eq!(question.mark().as_deref(), Some("upstream-sign-out"), "{question}");
        let asked = question.query();
        assert!(value(&asked, "id_token_hint").split('.').count() == 3 && !value(&asked, "state").is_empty());
        assert_eq!(value(&asked, "client_id"), "acquit at the customer's");
        assert_eq!(value(&asked, "post_logout_redirect_uri"), world.app.url("/sso/oidc/logout-callback"));
        assert!(!world.is_signed_in().await);
        let landed = world.upstream.agree(&world.browser, &question).await;
        assert_eq!(landed.url.as_str(), world.saas.url("/bye"), "{landed}");

        let id = only_receipt(&world.app).await["id"].as_str().unwrap().to_owned();
        let receipt = settled(&world.app, &id, SOON).await;
        assert_eq!(outcomes(&receipt, "revocation"), ["confirmed", "confirmed"], "{receipt:#}");
        assert_eq!(outcomes(&receipt, "end-session"), ["sent"]);
        assert_eq!(outcome(&receipt, "wiki", "backchannel"), "confirmed");
        assert_eq!(outcome(&receipt, "saas", "frontchannel"), "sent");
        assert!(!world.wiki.knows(&world.browser).await);
        assert_eq!(world.saas.ledger().by(Way::Front).len(), 1, "its cookies are cleared in a frame");

        let after = world.upstream.knows().await;
        assert!(after.sessions.is_empty(), "{after:#?}");
        for token in &tokens {
            assert!(!world.upstream.introspect(token).await);
        }
        let revoked: Vec<_> =
            after.asked_for("/token/revocation").iter().map(|entry| entry["status"].clone()).collect();
        assert_eq!(revoked, [200, 200]);
        // Nobody comes back in without saying who they are.
        let again = world.browser.open(&world.authorize()).await;
        assert_eq!(again.mark().as_deref(), Some("upstream-sign-in"), "{again}");
        assert_eq!(only_receipt(&world.app).await["id"], receipt["id"], "its own logout token tells us nothing new");
        assert!(after.told.iter().all(|told| told["good"] == true), "and is answered well: {:#?}", after.told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_at_the_provider_ends_the_session_here_and_tells_the_applications_at_once() {
    if !peers::take_part() {
        return;
    }
    for engine in Engine::BOTH {
        let world = World::at("id.localhost", engine).await;
        world.enter("erin").await;
        world.join_wiki().await;
        let page = world.browser.open(&world.upstream.url("/session/end")).await;
        let begun = Instant::now();
        let out = world.upstream.agree(&world.browser, &page).await;
        assert_eq!(out.mark().as_deref(), Some("upstream-signed-out"), "{out}");
        world.wiki.ledger().wait(Way::Back, 1, SOON).await;
        // A machine that is busy with other tests takes its time; a wait of ours would show.
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(!world.is_signed_in().await);
        assert!(!world.wiki.knows(&world.browser).await);
        let told = world.upstream.knows().await.told;
        assert_eq!(told, [json!({ "account": "up-erin", "good": true })]);
        let receipt = only_receipt(&world.app).await;
        assert_eq!(receipt["requested"]["by"], "upstream", "{receipt:#}");
        assert!(outcomes(&receipt, "end-session").is_empty(), "never back to where it came from");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_holds_nobody_up_and_its_tokens_are_revoked_when_it_is_back() {
    if !peers::take_part() {
        return;
    }
    for engine in Engine::BOTH {
        let world = World::at("id.localhost", engine).await;
        let reply = world.enter("erin").await;
        world.join_wiki().await;
        let url = world.logout_url(&reply).await;
        world.upstream.close().await;
        let begun = Instant::now();
        let landed = world.sign_out(&url).await;
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
        assert_eq!(landed.url.as_str(), world.saas.url("/bye"), "{landed}");
        assert!(!world.is_signed_in().await);
        world.wiki.ledger().wait(Way::Back, 1, SOON).await;
        let tried = until(SOON, "a revocation was tried", async || {
            let receipt = only_receipt(&world.app).await;
            let steps = receipt["steps"].as_array().unwrap().clone();
            let revocations = steps.iter().filter(|step| step["channel"] == "revocation");
            let all = revocations.clone().all(|step| step["attempts"].as_array().is_some_and(|all| !all.is_empty()));
            all.then_some(receipt)
        })
        .await;
        assert_eq!(outcomes(&tried, "revocation"), ["pending", "pending"], "{tried:#}");
        assert_eq!(outcomes(&tried, "end-session"), ["failed"], "the browser was not sent there");

        world.upstream.reopen().await;
        let id = tried["id"].as_str().unwrap().to_owned();
        let receipt = until(Duration::from_secs(30), "the tokens are revoked", async || {
            world.app.runs.advance(Duration::from_secs(10));
            let receipt = world.app.receipt(&id).await;
            (outcomes(&receipt, "revocation") == ["confirmed", "confirmed"]).then_some(receipt)
        })
        .await;
        assert_eq!(outcome(&receipt, "wiki", "backchannel"), "confirmed", "{receipt:#}");
        let after = world.upstream.knows().await;
        for token in [after.values("access_token"), after.values("refresh_token")].concat() {
            assert!(!world.upstream.introspect(&token).await);
        }
        assert_eq!(after.sessions, ["up-erin"], "its own session the server cannot end; the receipt says so");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_outlives_a_kill_while_the_provider_is_down() {
    if !peers::take_part() {
        return;
    }
    for engine in Engine::BOTH {
        let world = World::program(engine).await;
        let reply = world.enter("erin").await;
        let url = world.logout_url(&reply).await;
        world.upstream.close().await;
        let landed = world.sign_out(&url).await;
        assert_eq!(landed.url.as_str(), world.saas.url("/bye"), "{landed}");
        world.app.runs.kill();
        world.upstream.reopen().await;
        for token in world.upstream.knows().await.values("refresh_token") {
            assert!(world.upstream.introspect(&token).await, "not yet");
        }
        world.app.runs.launch(&[]).await;
        assert!(!world.is_signed_in().await);
        let id = only_receipt(&world.app).await["id"].as_str().unwrap().to_owned();
        // An attempt that the kill cut off is taken up when its lease is over.
        until(Duration::from_secs(150), "the tokens are revoked", async || {
            let receipt = world.app.receipt(&id).await;
            (outcomes(&receipt, "revocation") == ["confirmed", "confirmed"]).then_some(())
        })
        .await;
        let after = world.upstream.knows().await;
        for token in [after.values("access_token"), after.values("refresh_token")].concat() {
            assert!(!world.upstream.introspect(&token).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_refuses_at_the_provider_comes_back_with_an_error_and_no_session() {
    if !peers::take_part() {
        return;
    }
    let world = World::at("id.localhost", Engine::Sqlite).await;
    let page = world.browser.open(&world.authorize()).await;
    let back = world.browser.submit(&page, page.form_with("login").press("decision", "refuse")).await;
    assert!(back.url.as_str().starts_with(&world.saas.url("/callback")), "{back}");
    assert_eq!(value(&back.query(), "error"), "access_denied");
    assert_eq!(value(&back.query(), "state"), "st ate");
    assert!(world.app.live_sessions().await.is_empty());
    world.enter("erin").await;
    assert_eq!(world.app.live_sessions().await.len(), 1);
}
