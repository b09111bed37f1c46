//! One browser in five applications: mod_auth_mellon by SOAP, SimpleSAMLphp by Redirect, node-saml by POST, and two of OpenID
//! Connect. A sign-out begun at any of them ends all.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, TestApp, TestRp,
    acquit::{Program, outcome},
    peers::{self, Mellon, SamlPeer},
    sp::ride,
};
use serde_json::Value;

use crate::world::{enter_all, settled, until};

/// How long one of these tests may take, with the build of the program by whoever comes first. A peer that hangs fails it
/// earlier: no exchange may take longer than a minute.
const LIMIT: Duration = Duration::from_secs(600);
/// Everybody, and how they are told.
const ALL: [(&str, &str); 5] = [
    ("mellon", "saml-soap"),
    ("wiki", "saml-redirect"),
    ("forum", "saml-post"),
    ("payroll", "backchannel"),
    ("crm", "backchannel"),
];

struct Five {
    app: TestApp<Program>,
    mellon: Mellon,
    wiki: SamlPeer,
    forum: SamlPeer,
    rps: [TestRp; 2],
    browser: Browser,
}

impl Five {
    async fn new(engine: Engine) -> Self {
        let mut mellon = Mellon::new();
        let (wiki, forum) = (SamlPeer::php("wiki").await, SamlPeer::node("forum", "post").await);
        let rps = [Registration::new("payroll").start().await, Registration::new("crm").start().await];
        let mut setup = Setup::on(engine).with(&mellon.configuration());
        for peer in [&wiki, &forum] {
            setup = setup.with(&peer.configuration());
        }
        let app = setup.program(&[&rps[0], &rps[1]]).await;
        mellon.start(&app.url("")).await;
        for peer in [&wiki, &forum] {
            peer.trust(&app.url("")).await;
        }
        Self { app, mellon, wiki, forum, rps, browser: Browser::new() }
    }

    /// Signs in once, and is let into all five.
    async fn enter(&self) {
        enter_all(&self.app, &self.browser, &[&self.rps[0], &self.rps[1]], "alice").await;
        let page = self.mellon.protected(&self.browser).await;
        assert_eq!(page.mark().as_deref(), Some("protected"), "{page} {}", self.mellon.log());
        for peer in [&self.wiki, &self.forum] {
            let page = peer.begin(&self.browser).await;
            assert_eq!(page.mark().as_deref(), Some("home"), "{page} {}", peer.log());
            assert!(peer.knows(&self.browser).await);
        }
        assert_eq!(self.app.live_sessions().await.len(), 1);
    }

    async fn sign_out_at(&self, at: &str) -> Page {
        let browser = &self.browser;
        match at {
            "mellon" => self.mellon.sign_out(browser).await,
            "wiki" => self.wiki.sign_out(browser, "").await,
            "forum" => self.forum.sign_out(browser, "?by=post").await,
            _ => {
                let rp = self.rps.iter().find(|rp| rp.id() == at).unwrap();
                ride(browser, browser.open(&rp.end_session_url(browser, Some("s"))).await).await
            }
        }
    }

    async fn newest(&self) -> Value {
        self.app.receipts().await.remove(0)
    }

    /// Each application's own page asks for a sign-in; of these, which are still there.
    async fn all_ask_again(&self, but: &[&str]) {
        let browser = &self.browser;
        for rp in &self.rps {
            assert!(!rp.knows(browser).await, "{}", rp.id());
        }
        if !but.contains(&"mellon") {
            let page = self.mellon.protected(browser).await;
            assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page} {}", self.mellon.log());
        }
        for peer in [&self.wiki, &self.forum].into_iter().filter(|peer| !but.contains(&peer.id())) {
            assert!(!peer.knows(browser).await, "{}", peer.id());
            let page = peer.begin(browser).await;
            assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page} {}", peer.log());
        }
    }
}

async fn each_in_turn(engine: Engine) {
    let five = Five::new(engine).await;
    for (asker, _) in ALL {
        five.enter().await;
        let page = five.sign_out_at(asker).await;
        match asker {
            "mellon" => assert_eq!(page.mark().as_deref(), Some("bye"), "{page} {}", five.mellon.log()),
            "wiki" => assert_eq!(page.text(), "Success", "{page} {}", five.wiki.log()),
            _ => assert_eq!(page.mark().as_deref(), Some("landing"), "{asker}: {page}"),
        }
        assert!(five.app.live_sessions().await.is_empty(), "{asker}");
        let id = five.newest().await["id"].as_str().unwrap().to_owned();
        let receipt = settled(&five.app, &id, Duration::from_secs(10)).await;
        for (party, channel) in ALL {
            // A SAML application that asked has ended its own; an OpenID one is told like all.
            let expected = if party == asker && channel.starts_with("saml") { "no such step" } else { "confirmed" };
            assert_eq!(outcome(&receipt, party, channel), expected, "{asker}: {party}: {receipt:#}");
        }
        assert_eq!(receipt["state"], "complete", "{asker}: {receipt:#}");
        five.all_ask_again(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_begun_at_each_of_five_ends_all_five_on_sqlite() {
    if peers::take_part() {
        tokio::time::timeout(LIMIT, each_in_turn(Engine::Sqlite)).await.expect("in time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_begun_at_each_of_five_ends_all_five_on_postgres() {
    if peers::take_part() {
        tokio::time::timeout(LIMIT, each_in_turn(Engine::Postgres)).await.expect("in time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_some_switched_off_the_answer_is_partial_and_soap_is_delivered_later() {
    if !peers::take_part() {
        return;
    }
    let run = async {
        let mut five = Five::new(Engine::Sqlite).await;
        five.enter().await;
        five.mellon.close().await;
        five.forum.stop().await;
        let page = five.sign_out_at("wiki").await;
        assert_eq!(page.text(), "Success/PartialLogout", "{page} {}", five.wiki.log());
        let receipt = five.newest().await;
        for (party, channel, expected) in [
            ("mellon", "saml-soap", "pending"),
            ("forum", "saml-post", "pending"),
            ("payroll", "backchannel", "confirmed"),
            ("crm", "backchannel", "confirmed"),
        ] {
            assert_eq!(outcome(&receipt, party, channel), expected, "{receipt:#}");
        }
        five.all_ask_again(&["mellon", "forum"]).await;

        five.mellon.open().await;
        let id = receipt["id"].as_str().unwrap().to_owned();
        until(Duration::from_secs(60), "mellon confirms", async || {
            (outcome(&five.app.receipt(&id).await, "mellon", "saml-soap") == "confirmed").then_some(())
        })
        .await;
        five.all_ask_again(&["forum"]).await;
        let receipt = five.app.receipt(&id).await;
        assert_eq!(outcome(&receipt, "forum", "saml-post"), "pending", "{receipt:#}");
        assert_eq!(receipt["state"], "in_progress", "{receipt:#}");
    };
    tokio::time::timeout(LIMIT, run).await.expect("in time");
}
