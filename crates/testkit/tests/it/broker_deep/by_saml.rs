//! The same three, each of which speaks SAML with the next.

use acquit::config::{self, environment::Environment};
use acquit_core::ConnectionId;
use acquit_saml::metadata::Peer;
use acquit_server::{reload::reload, settings::SamlApplication};
use acquit_testkit::wire;

use super::*;

/// The application that the broker at `issuer` is, whose connection has this id, as its provider is configured with it.
fn sp(issuer: &str, connection: &str, binding: &str) -> SamlApplication {
    let text = format!(
        "[server]\npublic_url = \"http://localhost:1\"\n[egress]\nallow = [\"127.0.0.0/8\"]\n\
         [[applications]]\nid = \"broker\"\nprotocol = \"saml\"\nslo_binding = \"{binding}\"\n\
         metadata = {{ url = \"{issuer}/sso/saml/metadata/{connection}\" }}\n"
    );
    let loaded = config::read(&text, "acquit.toml", std::path::Path::new("."), &Environment::default());
    loaded.settings.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics)).saml_applications.remove(0)
}

/// The connection to the provider at `issuer`.
fn idp(id: &str, issuer: &str, binding: &str) -> String {
    format!(
        "[[connections]]\nid = \"{id}\"\ntype = \"saml\"\nslo_binding = \"{binding}\"\n\
         metadata = {{ url = \"{issuer}/saml/metadata\" }}\n\n"
    )
}

/// Has `provider` know `broker`, which is there by now.
async fn acquaint(provider: &TestApp<InProcess>, broker: &TestApp<InProcess>, connection: &str, binding: &str) {
    let id = ConnectionId::parse(connection).unwrap();
    let known = async || broker.runs.app.clients.connections().identity_provider(&id);
    until(SOON, "the provider's metadata is fetched", known).await;
    let (app, sp) = (&provider.runs.app, sp(&broker.url(""), connection, binding));
    let mut settings = (*app.settings()).clone();
    settings.saml_applications.push(sp.clone());
    reload(app, settings).await.unwrap();
    // It would be fetched within some seconds.
    let url = broker.url(&format!("/sso/saml/metadata/{connection}"));
    let metadata = wire::get(&url).await.unwrap();
    let peer = Peer::from_metadata(metadata.body(), Some(&url), None, app.clock.now()).unwrap();
    let _ = app.clients.service_providers().learn(&sp, peer.sp.expect("a service provider"));
    assert!(app.clients.service_providers().by_app(&sp.app).is_some());
}

async fn three_by(engine: Engine, binding: &str) -> Three {
    // Cookies do not respect ports, and servers do not know the names of browsers.
    let c = Setup::on(engine).host("localhost").start(&[]).await;
    let b = Setup::on(engine).host("127.0.0.1").with(&idp("conn_0C", &c.url(""), binding)).start(&[]).await;
    let wiki = Registration::new("wiki").start().await;
    let a = Setup::on(engine).host("127.0.0.2").with(&idp("conn_0B", &b.url(""), binding)).start(&[&wiki]).await;
    acquaint(&c, &b, "conn_0C", binding).await;
    acquaint(&b, &a, "conn_0B", binding).await;
    Three { a, b, c, wiki, browser: Browser::new() }
}

impl Three {
    /// Signs in at the application by the password that the person has at the very bottom.
    async fn enter_by_saml(&self) {
        let page = self.wiki.begin(&self.browser, &[("connection", "conn_0B")]).await;
        assert!(page.url.as_str().starts_with(&self.b.url("/sign-in")), "the middle asks by whom: {page}");
        let link = page.tags("a").into_iter().find(|tag| tag.get("data-connection") == Some("conn_0C"));
        let link = link.unwrap_or_else(|| panic!("no link: {page}")).get("href").unwrap().to_owned();
        let page = ride(&self.browser, self.browser.click(&page, &link).await).await;
        assert!(page.url.as_str().starts_with(&self.c.url("/sign-in")), "{page}");
        let page = self.c.sign_in(&self.browser, &page, "alice").await;
        ride(&self.browser, page).await;
        self.are_all_in().await;
    }

    /// Goes on through the pages between two hops as well, which a browser leaves by itself.
    async fn onward(&self, page: Page) -> Page {
        let mut page = ride(&self.browser, page).await;
        for _ in 0..20 {
            let Some((_, next)) = page.refresh() else { return page };
            page = ride(&self.browser, self.browser.click(&page, next.as_str()).await).await;
        }
        panic!("round in circles: {page}");
    }

    /// Presses the button of a node's own sign-out page, and goes where the browser is taken.
    async fn sign_out_by_saml_at(&self, node: &TestApp<InProcess>) {
        let page = self.browser.open(&node.url("/sign-out")).await;
        let form = page.form_with("decision").press("decision", "sign-out");
        let page = self.onward(self.browser.submit(&page, form).await).await;
        assert_eq!(page.mark().as_deref(), Some("signed-out"), "{page}");
        assert!(page.url.as_str().starts_with(&node.url("/signed-out")), "back where it began: {page}");
    }
}

/// Both engines with the binding that needs no browser, and one with those that do.
const WAYS: [(Engine, &str, &str); 4] = [
    (Engine::Sqlite, "soap", "saml-soap"),
    (Engine::Postgres, "soap", "saml-soap"),
    (Engine::Sqlite, "redirect", "saml-redirect"),
    (Engine::Sqlite, "post", "saml-post"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_at_the_top_ends_it_in_the_middle_and_at_the_bottom_by_saml() {
    for (engine, binding, channel) in WAYS {
        let three = three_by(engine, binding).await;
        three.enter_by_saml().await;
        let url = three.wiki.end_session_url(&three.browser, Some("a state of some length"));
        let landed = three.onward(three.browser.open(&url).await).await;
        assert!(landed.url.as_str().starts_with(&three.wiki.url("/")), "all the way back: {binding}: {landed}");
        let [a, b, c] = three.all_over().await;
        assert_eq!(
            [by(&a), by(&b), by(&c)],
            [("application", "wiki"), ("application", "broker"), ("application", "broker")],
            "{binding}"
        );
        for (receipt, provider) in [(&a, "conn_0B"), (&b, "conn_0C")] {
            assert_eq!(outcome(receipt, provider, channel), "confirmed", "{binding}: {receipt:#}");
            assert_eq!(receipt["state"], "complete", "{binding}: {receipt:#}");
        }
        for receipt in [&b, &c] {
            assert_eq!(outcome(receipt, "broker", ""), "no such step", "never back to who asked: {receipt:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_at_the_bottom_goes_up_to_the_application_and_never_back_down_by_saml() {
    for (engine, binding, channel) in WAYS {
        let three = three_by(engine, binding).await;
        three.enter_by_saml().await;
        three.sign_out_by_saml_at(&three.c).await;
        let [a, b, c] = three.all_over().await;
        assert_eq!([by(&a), by(&b), by(&c)], [("upstream", "conn_0B"), ("upstream", "conn_0C"), ("user", "nobody")]);
        for (receipt, party, channel) in [(&a, "wiki", "backchannel"), (&b, "broker", channel), (&c, "broker", channel)]
        {
            let steps = receipt["steps"].as_array().unwrap();
            assert_eq!(steps.len(), 1, "{binding}: nothing goes back to where it came from: {receipt:#}");
            assert_eq!(outcome(receipt, party, channel), "confirmed", "{binding}: {receipt:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_in_the_middle_goes_both_ways_by_saml() {
    for (engine, binding, channel) in WAYS {
        let three = three_by(engine, binding).await;
        three.enter_by_saml().await;
        three.sign_out_by_saml_at(&three.b).await;
        let [a, b, c] = three.all_over().await;
        assert_eq!([by(&a), by(&b), by(&c)], [("upstream", "conn_0B"), ("user", "nobody"), ("application", "broker")]);
        assert_eq!(outcome(&b, "broker", channel), "confirmed", "{binding}: {b:#}");
        assert_eq!(outcome(&b, "conn_0C", channel), "confirmed", "{binding}: {b:#}");
        assert_eq!(outcome(&a, "conn_0B", ""), "no such step", "{binding}: {a:#}");
    }
}
