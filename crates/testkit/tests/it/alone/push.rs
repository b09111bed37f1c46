//! What ended elsewhere is heard at once; where nothing is heard, it is read.

use super::{LONG, NEVER, OFTEN, SIGNED_OUT, World, rest, role_of, world};
use crate::world::until;

const LISTENING: &str = "application_name = 'acquit' AND query LIKE 'LISTEN%' AND usename LIKE 'gateway_%'";

impl World {
    /// Ends the connections by which the nodes listen.
    fn hang_up(&self) {
        let database = super::name_of(&self.database);
        self.sql(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}' AND {LISTENING}"
        ));
    }

    fn listening(&self, nodes: u32) -> Option<()> {
        let database = super::name_of(&self.database);
        let assertion = format!(
            "DO $$ BEGIN ASSERT (SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND {LISTENING}) = {nodes}; END $$"
        );
        self.server.sql(database, &assertion).is_ok().then_some(())
    }
}

#[tokio::test]
async fn a_stream_at_another_node_is_cut_by_a_hint_long_before_it_would_read_by_itself() {
    let world = world(NEVER).await;
    until(LONG, "both listen", async || world.listening(2)).await;
    // Twice: the second time over connections that were made anew.
    for round in 0..2 {
        world.enter("grafana", "alice").await;
        let mut open = world.websocket(1, &world.cookie("grafana")).await;
        world.end_all().await;
        // A node that was not told knows nothing after two seconds, and would say that.
        let heard = rest(&mut open).await;
        assert!(heard.ends_with(SIGNED_OUT), "{round}: {heard:?}");
        let settled = async || {
            let receipts = world.house.receipts().await;
            receipts.iter().all(|receipt| receipt["state"] == "complete").then_some(())
        };
        until(LONG, "the node's word is taken over", settled).await;
        world.hang_up();
        until(LONG, "they listen again", async || world.listening(2)).await;
    }
}

#[tokio::test]
async fn without_hints_a_node_reads() {
    let world = world(OFTEN).await;
    until(LONG, "both listen", async || world.listening(2)).await;
    world.enter("grafana", "alice").await;
    let mut open = world.websocket(1, &world.cookie("grafana")).await;
    // The connections that are open go on; none is made anew.
    world.sql(&format!("ALTER ROLE {} CONNECTION LIMIT 0", role_of(&world.database)));
    world.hang_up();
    until(LONG, "nobody listens", async || world.listening(0)).await;
    world.end_all().await;
    let heard = rest(&mut open).await;
    assert!(heard.ends_with(SIGNED_OUT), "{heard:?}");
    world.sql(&format!("ALTER ROLE {} CONNECTION LIMIT -1", role_of(&world.database)));
    until(LONG, "they listen again", async || world.listening(2)).await;
}
