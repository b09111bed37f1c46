//! `/oauth2/v1/authorize` with `connection`, `organization` and `domain_hint`: an application of OpenID Connect asks for the
//! people of a customer.

use super::*;

/// A second connection, of an organization of its own, to the same provider.
const MORE: &str = "\n[[organizations]]\nid = \"org_02OTHER\"\nname = \"Other\"\ndomains = [\"other.example\"]\n\n\
                    [[organizations]]\nid = \"org_03EMPTY\"\nname = \"Empty\"\ndomains = [\"empty.example\"]\n";

/// Two more connections to a provider, both of the second organization.
fn two(upstream: &str) -> String {
    let one = |number: u8| {
        format!(
            "[[connections]]\nid = \"conn_0{number}OTHER\"\norganization = \"org_02OTHER\"\ntype = \"oidc\"\n\
             issuer = \"{upstream}\"\nclient_id = \"acquit\"\nclient_secret = \"a-secret-of-the-broker-at-its-upstream-0123\"\n\
             external_key = \"another-external-key-000{number}\"\n\n"
        )
    };
    format!("{}{}", one(2), one(3))
}

impl World {
    /// Where an authorization request of the wiki leads.
    async fn ask(&self, more: &[(&str, &str)]) -> Page {
        self.wiki.begin(&self.browser, more).await
    }

    /// Fills in the provider's sign-in page, on which the browser has to be.
    async fn sign_in_there(&self, page: &Page, username: &str) -> Page {
        assert!(page.url.as_str().starts_with(&self.upstream.url("/sign-in")), "{page}");
        self.upstream.sign_in(&self.browser, page, username).await
    }

    /// The name of whoever is signed in at the wiki.
    async fn who(&self) -> Option<String> {
        if !self.wiki.knows(&self.browser).await {
            return None;
        }
        let sessions = self.broker.live_sessions().await;
        sessions.last().map(|session| session["user"]["id"].to_string())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_names_its_provider_goes_straight_there() {
    for asked in
        [[("connection", "conn_01EXAMPLE")], [("organization", "org_01EXAMPLE")], [("domain_hint", "Example.COM")]]
    {
        let world = world(Engine::Sqlite).await;
        let page = world.ask(&asked).await;
        world.sign_in_there(&page, "alice").await;
        assert!(world.wiki.knows(&world.browser).await, "{asked:?}");
        assert_eq!(world.broker.live_sessions().await.len(), 1);
        // Again goes on as usual: the session came from there.
        let again = world.ask(&asked).await;
        assert!(again.url.as_str().starts_with(&world.wiki.url("")), "{asked:?}: {again}");
        assert_eq!(world.broker.live_sessions().await.len(), 1);
        // And so without a wish.
        let plain = world.ask(&[]).await;
        assert!(plain.url.as_str().starts_with(&world.wiki.url("")), "{plain}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_came_from_elsewhere_is_not_what_was_asked_for() {
    let world = world(Engine::Sqlite).await;
    // Alice has an account here as well, with a password: that is somebody else.
    world.broker.enter(&world.browser, &world.wiki, "alice").await;
    let local = world.who().await;
    let silent = world.ask(&[("connection", "conn_01EXAMPLE"), ("prompt", "none")]).await;
    assert!(silent.url.as_str().contains("error=login_required"), "{silent}");
    assert_eq!(world.who().await, local, "nothing changed by that");
    let page = world.ask(&[("connection", "conn_01EXAMPLE")]).await;
    world.sign_in_there(&page, "alice").await;
    assert!(world.wiki.knows(&world.browser).await);
    assert_ne!(world.who().await, local);
    let live = world.broker.live_sessions().await;
    assert_eq!(live.len(), 1, "the former session ended by a logout: {live:#?}");
    let receipt = only_receipt(&world.broker).await;
    assert!(receipt["requested"]["reason"].as_str().unwrap().contains("somebody else signed in"), "{receipt:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_has_to_be_there_and_a_hint_that_fits_nobody_is_none() {
    let world = world_with(Engine::Sqlite, MORE).await;
    for wrong in [
        &[("connection", "conn_09NOWHERE")][..],
        &[("connection", "no id at all")],
        &[("organization", "org_09NOWHERE")],
        &[("organization", "org_03EMPTY")],
        &[("organization", "org_02OTHER"), ("connection", "conn_01EXAMPLE")],
    ] {
        let page = world.ask(wrong).await;
        let query = page.query();
        let error = query.iter().find(|(name, _)| name == "error").map(|(_, value)| value.as_str());
        assert_eq!(error, Some("invalid_request"), "{wrong:?}: {page}");
        assert!(page.url.as_str().starts_with(&world.wiki.url("")), "in OAuth's way: {page}");
    }
    for nobodys in ["nowhere.example", "empty.example", "", "://"] {
        let page = world.ask(&[("domain_hint", nobodys)]).await;
        assert!(page.url.as_str().starts_with(&world.broker.url("/sign-in")), "{nobodys}: {page}");
        assert_eq!(page.tags("a").iter().filter(|link| link.attributes.contains_key("data-connection")).count(), 0);
    }
    assert!(world.broker.live_sessions().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_connections_the_person_chooses_and_no_other_is_offered() {
    let world = world_with(Engine::Sqlite, &format!("{MORE}\n{}", two("http://127.0.0.1:9"))).await;
    for asked in [("organization", "org_02OTHER"), ("domain_hint", "other.example")] {
        let page = world.ask(&[asked]).await;
        assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
        let links = page.tags("a").into_iter().filter_map(|link| link.attributes.get("data-connection").cloned());
        assert_eq!(links.collect::<Vec<_>>(), ["conn_02OTHER", "conn_03OTHER"], "{asked:?}");
    }
    // A provider that cannot be reached is the client's to know, in its way.
    let page = world.ask(&[("connection", "conn_02OTHER")]).await;
    assert!(page.url.as_str().contains("error=temporarily_unavailable"), "{page}");
}
