//! A connection that comes to speak to another provider: whoever that one vouches for, by whatever name, is none of the people whom
//! the former one brought.

use acquit::config::{self, environment::Environment};
use acquit_server::{reload::reload, settings::Connection};
use acquit_testkit::{peers::free_port, postgres::Postgres};

use super::*;

/// A connection as it is configured with this provider.
fn connection_to(idp: &TestIdp) -> Connection {
    let text = format!("[server]\npublic_url = \"http://localhost:1\"\n{}", idp.configuration(""));
    let loaded = config::read(&text, "acquit.toml", std::path::Path::new("."), &Environment::default());
    loaded.settings.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics)).connections.remove(0)
}

impl World {
    /// The operator has the connection speak to this provider from now on.
    async fn moves_to(&self, idp: &TestIdp) {
        let app = &self.app.runs.app;
        let mut settings = (*app.settings()).clone();
        settings.connections[0].provider = connection_to(idp).provider;
        reload(app, settings).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_provider_brings_other_people_and_those_of_the_former_are_signed_out() {
    for engine in Engine::BOTH {
        let mut world = world(engine, &[Binding::Redirect]).await;
        let first = world.enter().await;
        world.join_wiki().await;
        let another = TestIdp::start(CONNECTION, &[Binding::Redirect]).await;
        another.trust(&world.app).await;
        world.moves_to(&another).await;
        assert!(world.app.live_sessions().await.is_empty() && !world.is_signed_in().await);
        world.wiki.ledger().wait(Way::Back, 1, SOON).await;
        let receipt = only_receipt(&world.app).await;
        assert_eq!(receipt["requested"]["by"], "policy", "{receipt:#}");

        // It says the very same of somebody of its own.
        world.browser = Browser::new();
        let former = std::mem::replace(&mut world.idp, another);
        let second = world.enter().await;
        assert_eq!(second["profile"]["idp_id"], first["profile"]["idp_id"]);
        assert_ne!(second["profile"]["id"], first["profile"]["id"], "it is somebody else");
        assert_eq!(world.enter().await["profile"]["id"], second["profile"]["id"]);

        world.moves_to(&former).await;
        assert!(world.app.live_sessions().await.is_empty(), "and the other way round");
        world.browser = Browser::new();
        world.idp = former;
        assert_eq!(world.enter().await["profile"]["id"], first["profile"]["id"], "who they were");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_changed_while_nothing_ran_is_noticed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for engine in Engine::BOTH {
        let store = match engine {
            Engine::Sqlite => format!("sqlite://{}", folder.path().join("kept.db").display()),
            Engine::Postgres => Postgres::shared().unwrap().database().unwrap(),
        };
        let port = free_port();
        let (idp, another) = (TestIdp::start(CONNECTION, &[]).await, TestIdp::start(CONNECTION, &[]).await);
        let wiki = Registration::new("wiki").start().await;
        let setup = |idp: &TestIdp| {
            Setup::on(engine).store(&store).host("id.localhost").port(port).with(&idp.configuration(""))
        };
        let app = setup(&idp).start(&[&wiki]).await;
        idp.trust(&app).await;
        let browser = Browser::new();
        ride(&browser, wiki.begin(&browser, &[("connection", CONNECTION)]).await).await;
        assert!(wiki.knows(&browser).await);
        let before = app.live_sessions().await;
        assert_eq!(before.len(), 1);
        drop(app);
        let app = setup(&idp).start(&[]).await;
        assert_eq!(app.live_sessions().await.len(), 1, "the same one: nothing ends");
        drop(app);
        let app = setup(&another).start(&[]).await;
        assert!(app.live_sessions().await.is_empty(), "{engine:?}");
        assert!(only_receipt(&app).await["sessions"].to_string().contains(before[0]["id"].as_str().unwrap()));
    }
}
