//! What stands still, stops or dies.

use std::{sync::Arc, time::Duration};

use acquit_core::session::Lifetimes;
use acquit_testkit::{acquit::AloneNode, browser::Load, postgres::Postgres};

use super::{LONG, OFTEN, SIGNED_OUT, configuration, rest, world, world_on};
use crate::world::{only_receipt, until};

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_stands_still_nobody_passes_and_nothing_stays_open_and_afterwards_all_goes_on() {
    let server = Arc::new(tokio::task::spawn_blocking(Postgres::start).await.unwrap().unwrap());
    let world = world_on(server.clone(), OFTEN).await;
    world.enter("grafana", "alice").await;
    let cookie = world.cookie("grafana");
    let mut open = world.websocket(1, &cookie).await;
    let frozen = server.freeze().unwrap();
    let heard = rest(&mut open).await;
    assert!(!heard.ends_with(SIGNED_OUT) && heard.starts_with(b"\x88"), "cut, and not called signed out: {heard:?}");
    for node in 0..2 {
        // The other one may have read half a second later.
        until(LONG, "nobody passes", async || (world.status(node, &cookie).await == "503").then_some(())).await;
    }
    drop(frozen);
    for node in 0..2 {
        until(LONG, "all goes on", async || (world.status(node, &cookie).await == "200").then_some(())).await;
    }
    let _open = world.websocket(1, &cookie).await;
    assert_eq!(world.house.live_sessions().await.len(), 1, "nobody was signed out");
}

#[tokio::test]
async fn a_node_that_stops_is_not_waited_for() {
    let mut world = world(OFTEN).await;
    world.enter("grafana", "alice").await;
    world.nodes[1].stop().await;
    world.end_all().await;
    assert_eq!(world.settled("grafana").await["detail"], "nothing was open on 2 nodes");
}

#[tokio::test]
async fn a_node_that_dies_is_waited_for_until_it_counts_as_gone_and_no_longer() {
    let mut world = world(OFTEN).await;
    world.enter("grafana", "alice").await;
    world.nodes[1].kill();
    world.end_all().await;
    let said = async || (only_receipt(&world.house).await["steps"][0]["attempts"].as_array()?.len() == 2).then_some(());
    until(LONG, "the others say so", said).await;
    assert_eq!(only_receipt(&world.house).await["state"], "in_progress");
    world.house.runs.advance(Duration::from_secs(16));
    assert_eq!(world.settled("grafana").await["detail"], "nothing was open on 2 nodes");
}

#[tokio::test]
async fn while_no_server_can_be_reached_who_is_signed_in_goes_on_and_nobody_is_told_of_a_sign_out() {
    let mut world = world(OFTEN).await;
    world.enter("grafana", "alice").await;
    let cookie = world.cookie("grafana");
    let routes = format!(
        "[[gateway.routes]]\nfrom = \"http://grafana.localhost:{}\"\nallow = {{ everyone = true }}\nto = \"http://{}\"\n",
        world.nodes[0].port, world.app.address
    );
    let port = world.nodes[1].port;
    world.nodes[1].stop().await;
    let mut settings =
        AloneNode::settings(&configuration(&world.house, &world.database, acquit_testkit::peers::free_port(), &routes));
    settings.house = url::Url::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    world.nodes[1] = AloneNode::start(settings, world.house.runs.clock.clone(), OFTEN).await.unwrap();
    assert_eq!(world.status(1, &cookie).await, "200");
    for path in ["/.pomerium/sign_out", "/.acquit/sign_in", "/.pomerium/user", "/.well-known/pomerium"] {
        assert_eq!(world.status_at(1, path, &cookie).await, "503", "{path}");
    }
    assert_eq!(world.house.live_sessions().await.len(), 1);
    // Another node still reaches one.
    let page = world.browser.step(&Load::typed(&world.at("grafana", "/.well-known/pomerium"))).await.unwrap();
    assert_eq!(page.status, 200, "{page}");
}

#[tokio::test]
async fn a_node_whose_file_lets_sessions_grow_older_than_the_servers_do_takes_no_older_cookie() {
    const DAY: Duration = Duration::from_secs(86_400);
    let mut world = world(OFTEN).await;
    world.enter("grafana", "alice").await;
    let cookie = world.cookie("grafana");
    world.end_all().await;
    let _ = world.settled("grafana").await;
    // The servers' sessions are to live for a day from now on, and what ended longer ago than two is deleted.
    world.house.runs.advance(4 * DAY);
    let clock = world.house.runs.clock.clone();
    let store = &world.house.runs.app.store;
    let shorter = Lifetimes { idle: DAY / 2, max: DAY, program: DAY };
    store.sweep(acquit_server::clock::Clock::now(&*clock), shorter).await.unwrap();
    assert_eq!(store.revocations_begin().await.unwrap(), None, "nobody knows of the end any more");
    // A node that starts now has nothing but its file, which was left as it was.
    world.nodes[1].stop().await;
    let routes = format!(
        "[[gateway.routes]]\nfrom = \"http://grafana.localhost:{}\"\nallow = {{ everyone = true }}\nto = \"http://{}\"\n\
         [lifetimes]\nsession_max = \"7d\"\n",
        world.nodes[0].port, world.app.address
    );
    let text = |port| configuration(&world.house, &world.database, port, &routes);
    let ports = [acquit_testkit::peers::free_port(), acquit_testkit::peers::free_port()];
    let [one, other] = ports.map(|port| AloneNode::settings(&text(port)));
    world.nodes[1] = AloneNode::start(one, clock.clone(), OFTEN).await.unwrap();
    assert_eq!(world.status(1, &cookie).await, "401", "an ended session has come back");
    // It is the servers' word that this stands on: by its file alone the node would take the cookie.
    world.nodes[1].stop().await;
    world.sql("DELETE FROM gateway_terms");
    world.nodes[1] = AloneNode::start(other, clock, OFTEN).await.unwrap();
    assert_eq!(world.status(1, &cookie).await, "200");
}
