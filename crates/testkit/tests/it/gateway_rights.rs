//! What is open at a route when its right ends: by a changed configuration, by a change of the person. What is still allowed goes on.

use acquit_testkit::{Browser, Engine, Registration, Setup, TestApp, acquit::Program};
use serde_json::Value;

use crate::{
    routes::{LONG, NOT_ALLOWED, Routes, greeted, is_open, rest},
    world::until,
};

/// Another user, in a group.
fn member(name: &str) -> String {
    format!(
        "[[users]]\nusername = \"{name}\"\nemail = \"{name}@example.com\"\npassword = \"{}\"\ngroups = [\"ops\"]\n\n",
        acquit_testkit::acquit::PASSWORD
    )
}

/// The lines of the access log about what was cut so.
fn cut(app: &TestApp<Program>) -> Vec<Value> {
    let log = app.runs.whole_log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == "acquit::access" && line["end"] == "no longer allowed").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_closes_what_it_would_not_let_in_and_nothing_else() {
    for engine in Engine::BOTH {
        let what = format!("{engine:?}");
        let routes = Routes::start().await;
        let payroll = Registration::new("payroll").start().await;
        let setup = Setup::on(engine).with(&format!("{}{}", member("dana"), member("erin")));
        let setup = setup.env("ACQUIT_LOG", "info,acquit::access=info").env("ACQUIT_LOG_FORMAT", "json");
        let app = setup.with(&routes.configuration("groups = [\"ops\"]")).program(&[&payroll]).await;
        let (dana, erin) = (Browser::new(), Browser::new());
        for (browser, name) in [(&dana, "dana"), (&erin, "erin")] {
            app.enter(browser, &payroll, name).await;
            for host in ["grafana", "vault"] {
                let page = browser.open(&routes.at(host, "/dash")).await;
                assert_eq!(page.status, 200, "{what}: {page}");
            }
        }
        let mut vault_of_dana = greeted(&routes, "vault", &dana).await;
        let mut vault_of_erin = greeted(&routes, "vault", &erin).await;
        let mut grafana = greeted(&routes, "grafana", &dana).await;

        // Dana leaves the group.
        let fewer = member("dana").replace("[\"ops\"]", "[]");
        app.runs.reconfigure(|text| text.replace(&member("dana"), &fewer));
        assert!(rest(&mut vault_of_dana).await.ends_with(NOT_ALLOWED), "{what}");
        is_open(&mut vault_of_erin, &what).await;
        is_open(&mut grafana, &what).await;
        let line = until(LONG, "a line says so", async || cut(&app).pop()).await;
        assert_eq!((&line["host"], &line["status"]), (&routes.party("vault").into(), &101.into()), "{line:#}");

        // The route is for others now.
        app.runs.reconfigure(|text| text.replace("groups = [\"ops\"] }", "users = [\"dana\"] }"));
        assert!(rest(&mut vault_of_erin).await.ends_with(NOT_ALLOWED), "{what}");
        is_open(&mut grafana, &what).await;
        let mut again = greeted(&routes, "vault", &dana_anew(&routes, &dana).await).await;

        // The route is gone.
        app.runs.reconfigure(|text| {
            let (before, route) = text.split_once("[[gateway.routes]]\nfrom = \"http://grafana").unwrap();
            let rest = route.split_once("[[gateway.routes]]").unwrap().1;
            format!("{before}[[gateway.routes]]{rest}")
        });
        assert!(rest(&mut grafana).await.ends_with(NOT_ALLOWED), "{what}");
        is_open(&mut again, &what).await;
        assert_eq!(app.live_sessions().await.len(), 2, "{what}: nobody was signed out");
    }
}

/// Dana's browser, with a cookie of the route that describes her as she is.
async fn dana_anew(routes: &Routes, dana: &Browser) -> Browser {
    until(LONG, "she may enter again", async || {
        (dana.open(&routes.at("vault", "/dash")).await.status == 200).then_some(())
    })
    .await;
    dana.copy()
}
