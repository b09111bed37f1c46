//! Acquit behind Acquit behind Acquit: A has the applications, B is A's identity provider, C is B's. A logout anywhere ends it
//! everywhere, once, and comes to rest.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, TestApp, TestRp,
    acquit::{InProcess, outcome},
    peers::free_port,
    rp::ledger::Way,
    sp::ride,
};
use serde_json::Value;

use crate::world::{settled, until};

mod by_saml;

const SOON: Duration = Duration::from_secs(10);
const KEY_AT_A: &str = "external-key-of-b-at-a-0123";
const KEY_AT_B: &str = "external-key-of-c-at-b-0123";

/// Three in a row, one application at the top and one browser.
struct Three {
    a: TestApp<InProcess>,
    b: TestApp<InProcess>,
    c: TestApp<InProcess>,
    wiki: TestRp,
    browser: Browser,
}

/// The registration of the broker at `issuer`, which listens at `port`, at its provider.
fn client(issuer: &str, port: u16, key: &str) -> String {
    format!(
        "[[applications]]\nid = \"broker\"\nprotocol = \"oidc\"\nclient_id = \"acquit\"\n\
         client_secret = \"a-secret-of-a-broker-at-its-upstream-0123\"\n\
         redirect_uris = [\"{issuer}/sso/oidc/{key}/callback\"]\n\
         post_logout_redirect_uris = [\"{issuer}/sso/oidc/logout-callback\"]\n\
         backchannel_logout_uri = \"http://127.0.0.1:{port}/sso/oidc/backchannel-logout/{key}\"\n\
         backchannel_logout_session_required = true\n\n"
    )
}

/// The connection to the provider at `issuer`.
fn connection(id: &str, issuer: &str, key: &str, more: &str) -> String {
    format!(
        "[[connections]]\nid = \"{id}\"\ntype = \"oidc\"\nissuer = \"{issuer}\"\nclient_id = \"acquit\"\n\
         client_secret = \"a-secret-of-a-broker-at-its-upstream-0123\"\nexternal_key = \"{key}\"\n{more}\n\n"
    )
}

async fn three(engine: Engine) -> Three {
    let (port_a, port_b) = (free_port(), free_port());
    let (at_a, at_b) = (format!("http://id.localhost:{port_a}"), format!("http://127.0.0.1:{port_b}"));
    // Cookies do not respect ports, so each is at a host of its own.
    let c = Setup::on(engine).host("localhost").with(&client(&at_b, port_b, KEY_AT_B)).start(&[]).await;
    let to_c = connection("conn_0C", &c.url(""), KEY_AT_B, "");
    let b = Setup::on(engine).port(port_b).with(&client(&at_a, port_a, KEY_AT_A)).with(&to_c).start(&[]).await;
    // A asks B for people of C, so that B's own page is passed by.
    let wish = "authorization_parameters = { connection = \"conn_0C\" }";
    let wiki = Registration::new("wiki").start().await;
    let to_b = connection("conn_0B", &b.url(""), KEY_AT_A, wish);
    let a = Setup::on(engine).host("id.localhost").port(port_a).with(&to_b).start(&[&wiki]).await;
    Three { a, b, c, wiki, browser: Browser::new() }
}

impl Three {
    /// Signs in at the application by the password that the person has at the very bottom.
    async fn enter(&self) {
        let page = self.wiki.begin(&self.browser, &[("connection", "conn_0B")]).await;
        assert!(page.url.as_str().starts_with(&self.c.url("/sign-in")), "straight to the bottom: {page}");
        self.c.sign_in(&self.browser, &page, "alice").await;
        self.are_all_in().await;
    }

    /// The person is known everywhere, for a while.
    async fn are_all_in(&self) {
        assert!(self.wiki.knows(&self.browser).await);
        for (name, node) in self.nodes() {
            assert_eq!(node.live_sessions().await.len(), 1, "{name}");
            assert!(self.is_known_at(node).await, "{name}");
            // A participant that joined a moment ago would be told a second time, on purpose.
            node.runs.advance(Duration::from_secs(30));
        }
    }

    fn nodes(&self) -> [(&'static str, &TestApp<InProcess>); 3] {
        [("A", &self.a), ("B", &self.b), ("C", &self.c)]
    }

    async fn is_known_at(&self, node: &TestApp<InProcess>) -> bool {
        self.browser.open(&node.url("/account")).await.mark().as_deref() == Some("account")
    }

    /// Presses the button of a node's own sign-out page, and goes where the browser is taken.
    async fn sign_out_at(&self, node: &TestApp<InProcess>) {
        let page = self.browser.open(&node.url("/sign-out")).await;
        let form = page.form_with("decision").press("decision", "sign-out");
        let page = ride(&self.browser, self.browser.submit(&page, form).await).await;
        assert_eq!(page.mark().as_deref(), Some("signed-out"), "{page}");
        assert!(page.url.as_str().starts_with(&node.url("/signed-out")), "back where it began: {page}");
    }

    /// Everything has ended, by one logout at each, of which nothing is left to do; the receipts of A, B and C.
    async fn all_over(&self) -> [Value; 3] {
        self.wiki.ledger().wait(Way::Back, 1, SOON).await;
        let mut receipts = Vec::new();
        for (name, node) in self.nodes() {
            until(SOON, "the session ends", async || node.live_sessions().await.is_empty().then_some(())).await;
            let all = node.receipts().await;
            assert_eq!(all.len(), 1, "{name}: {all:#?}");
            receipts.push(settled(node, all[0]["id"].as_str().unwrap(), SOON).await);
        }
        // What was told last may have had an answer of its own: after another round still nothing is new.
        for (name, node) in self.nodes() {
            node.runs.advance(Duration::from_secs(60));
            assert!(!self.is_known_at(node).await, "{name}");
        }
        for ((name, node), before) in self.nodes().into_iter().zip(&receipts) {
            assert_eq!(node.receipts().await, std::slice::from_ref(before), "{name} came to rest");
        }
        assert_eq!(self.wiki.ledger().by(Way::Back).len(), 1, "and the application was told once");
        assert!(!self.wiki.knows(&self.browser).await);
        receipts.try_into().unwrap()
    }
}

fn by(receipt: &Value) -> (&str, &str) {
    let asked = &receipt["requested"];
    (asked["by"].as_str().unwrap(), asked["party"].as_str().unwrap_or("nobody"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_at_the_top_ends_it_in_the_middle_and_at_the_bottom() {
    for engine in Engine::BOTH {
        let three = three(engine).await;
        three.enter().await;
        let url = three.wiki.end_session_url(&three.browser, Some("a state of some length"));
        let landed = ride(&three.browser, three.browser.open(&url).await).await;
        assert!(landed.url.as_str().starts_with(&three.wiki.url("/")), "all the way back: {landed}");
        let [a, b, c] = three.all_over().await;
        assert_eq!(
            [by(&a), by(&b), by(&c)],
            [("application", "wiki"), ("application", "broker"), ("application", "broker")]
        );
        for (receipt, provider) in [(&a, "conn_0B"), (&b, "conn_0C")] {
            assert_eq!(outcome(receipt, provider, "revocation"), "confirmed", "{receipt:#}");
            assert_eq!(outcome(receipt, provider, "end-session"), "sent", "{receipt:#}");
            assert_eq!(receipt["state"], "complete");
        }
        for receipt in [&b, &c] {
            assert_eq!(outcome(receipt, "broker", "backchannel"), "confirmed", "{receipt:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_at_the_bottom_goes_up_to_the_application_and_never_back_down() {
    for engine in Engine::BOTH {
        let three = three(engine).await;
        three.enter().await;
        three.sign_out_at(&three.c).await;
        let [a, b, c] = three.all_over().await;
        assert_eq!([by(&a), by(&b), by(&c)], [("upstream", "conn_0B"), ("upstream", "conn_0C"), ("user", "nobody")]);
        for (receipt, party) in [(&a, "wiki"), (&b, "broker"), (&c, "broker")] {
            let steps = receipt["steps"].as_array().unwrap();
            assert_eq!(steps.len(), 1, "nothing goes back to where it came from: {receipt:#}");
            assert_eq!(outcome(receipt, party, "backchannel"), "confirmed", "{receipt:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_in_the_middle_goes_both_ways() {
    for engine in Engine::BOTH {
        let three = three(engine).await;
        three.enter().await;
        three.sign_out_at(&three.b).await;
        let [a, b, c] = three.all_over().await;
        assert_eq!([by(&a), by(&b), by(&c)], [("upstream", "conn_0B"), ("user", "nobody"), ("application", "broker")]);
        assert_eq!(outcome(&b, "broker", "backchannel"), "confirmed", "{b:#}");
        assert_eq!(outcome(&b, "conn_0C", "revocation"), "confirmed");
        assert_eq!(outcome(&b, "conn_0C", "end-session"), "sent");
        assert_eq!(outcome(&a, "conn_0B", "revocation"), "no such step", "{a:#}");
    }
}
