//! What somebody can do who takes over a node that is only a gateway.

use std::time::Duration;

use acquit_oidc::jose::{Algorithm, SigningKey};
use acquit_server::seal::GatewayKeys;
use acquit_store::{Store, StoreError};
use acquit_testkit::{acquit::AloneNode, wire};
use jsonwebtoken::{Algorithm as Alg, DecodingKey, EncodingKey, Header, Validation, jwk::JwkSet};
use serde_json::json;

use tokio::time::timeout;

use super::{LONG, OFTEN, World, configuration, keys, name_of, role_of, world};
use crate::world::until;

impl World {
    /// Runs a statement with the rights of the nodes; what the database has against it.
    fn as_node(&self, statement: &str) -> Result<(), String> {
        let statement = format!("SET ROLE {}; {statement}", role_of(&self.database));
        self.server.sql(name_of(&self.database), &statement).map_err(|error| error.to_string())
    }
}

#[tokio::test]
async fn the_role_of_a_node_reads_no_secret_and_touches_no_session_logout_or_step() {
    let world = world(OFTEN).await;
    world.house.enter(&world.browser, &world.payroll, "alice").await;
    world.enter("grafana", "alice").await;
    for statement in [
        "SELECT sealed FROM signing_keys",
        "SELECT alg FROM signing_keys",
        "SELECT password_hash FROM users",
        "SELECT id FROM users",
        "SELECT handle_hash FROM sessions",
        "SELECT id FROM sessions",
        "SELECT 1 FROM clients",
        "SELECT 1 FROM participants",
        "SELECT 1 FROM codes",
        "SELECT 1 FROM access_tokens",
        "SELECT 1 FROM refresh_tokens",
        "SELECT 1 FROM upstreams",
        "SELECT 1 FROM events",
        "SELECT 1 FROM logouts",
        "SELECT target FROM steps",
        "SELECT streams FROM gateway_acks",
        "SELECT session_id FROM gateway_used",
        "INSERT INTO sessions (id) VALUES ('x')",
        "INSERT INTO families (id) VALUES ('x')",
        "INSERT INTO used_once (kind) VALUES ('x')",
        "INSERT INTO signing_keys (kid) VALUES ('x')",
        "INSERT INTO revocations (at) VALUES (1)",
        "INSERT INTO attempts (step_id) VALUES ('x')",
        "UPDATE sessions SET last_seen_at = 0",
        "UPDATE sessions SET ended_at = NULL",
        "UPDATE steps SET outcome = 'confirmed'",
        "UPDATE logouts SET state = 'complete'",
        "UPDATE users SET epoch = 0",
        "UPDATE gateway_acks SET streams = 0",
        "UPDATE gateway_evictions SET party = 'x'",
        "UPDATE gateway_keys SET alg = 'ES256'",
        "INSERT INTO gateway_keys (kid) VALUES ('x')",
        "UPDATE gateway_terms SET longest = 9000000000000000000",
        "INSERT INTO gateway_terms (one, longest) VALUES (1, 1)",
        "DELETE FROM gateway_terms",
        "DELETE FROM revocations",
        "DELETE FROM gateway_nodes",
        "DELETE FROM gateway_acks",
        "TRUNCATE revocations",
        "SELECT seq FROM revocations FOR UPDATE",
        "SELECT id FROM gateway_evictions FOR UPDATE",
        "LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE",
        "LOCK TABLE revocations IN EXCLUSIVE MODE",
        "LOCK TABLE gateway_nodes IN ACCESS EXCLUSIVE MODE",
        "CREATE TABLE public.mine (x int)",
        "ALTER TABLE sessions DISABLE TRIGGER ALL",
        "GRANT SELECT ON users TO PUBLIC",
    ] {
        let error = world.as_node(statement).expect_err(statement);
        let refused = ["permission denied", "must be owner"].iter().any(|words| error.contains(words));
        assert!(refused, "{statement}: {error}");
    }
    for (statement, words) in [
        ("INSERT INTO gateway_nodes (node, seen_at) VALUES (repeat('x', 101), 1)", "check constraint"),
        ("INSERT INTO gateway_used (session_id, at) VALUES ('x', -1)", "check constraint"),
        ("INSERT INTO gateway_acks (step_id, node, at, streams) VALUES ('x', 'n', 1, 9999999999)", "check constraint"),
        ("INSERT INTO gateway_acks (step_id, node, at, streams) VALUES ('x', 'n', 1, 0)", "foreign key"),
    ] {
        let error = world.as_node(statement).expect_err(statement);
        assert!(error.contains(words), "{statement}: {error}");
    }
    // What a function of its own sees on the way is what the views show.
    let leak = "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS \
                $$ BEGIN ASSERT $1 = 'route-es256', $1; RETURN true; END $$; \
                SELECT count(*) FROM gateway_keys WHERE pg_temp.leak(alg)";
    world.as_node(leak).unwrap();
    // The same statements are good with the rights that nodes do have.
    for statement in ["SELECT * FROM revocations", "SELECT * FROM gateway_evictions", "SELECT * FROM gateway_keys"] {
        world.as_node(statement).unwrap();
    }
    // A session's note that is none harms nobody.
    world.as_node("INSERT INTO gateway_used (session_id, at) VALUES ('no session', 9000000000000000000)").unwrap();
    let store = &world.house.runs.app.store;
    assert!(!store.take_noted(acquit_core::Timestamp::from_seconds(1)).await.unwrap());
    assert_eq!(world.house.live_sessions().await.len(), 1);
}

#[tokio::test]
async fn a_role_that_could_put_functions_where_servers_call_them_is_not_made() {
    let world = world(OFTEN).await;
    let name = name_of(&world.database);
    let role = acquit_store::gateway::role(&role_of(&world.database)).unwrap();
    // As databases are that began with a PostgreSQL older than 15.
    world.sql("GRANT CREATE ON SCHEMA public TO PUBLIC");
    let error = world.server.sql(name, &role).expect_err("it is refused").to_string();
    assert!(error.contains("may create functions") && error.contains("REVOKE CREATE ON SCHEMA public"), "{error}");
    world.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    world.server.sql(name, &role).unwrap();
}

#[tokio::test]
async fn a_lock_that_everybody_may_take_keeps_no_server_from_its_start() {
    let world = world(OFTEN).await;
    let (server, database) = (world.server.clone(), world.database.clone());
    // The one under which servers migrate.
    let held = "SELECT pg_advisory_lock(x'416371756974'::bigint); SELECT pg_sleep(60)";
    let statement = format!("SET ROLE {}; {held}", role_of(&database));
    let holder = std::thread::spawn(move || server.sql(name_of(&database), &statement));
    let mine = "FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid::bigint = x'71756974'::bigint \
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    until(LONG, "the lock is held", async || {
        world.server.sql(name_of(&world.database), &format!("SELECT 1 / count(*) {mine}")).ok()
    })
    .await;
    let opened = timeout(Duration::from_secs(20), Store::open(&world.database)).await;
    opened.expect("it does not wait for the lock").unwrap();
    world.sql(&format!("SELECT pg_terminate_backend(pid) {mine}"));
    holder.join().unwrap().expect_err("it was ended");
}

#[tokio::test]
async fn no_key_that_a_node_can_open_signs_an_id_token() {
    let world = world(OFTEN).await;
    let jwks = wire::get(&world.house.url("/oauth2/v1/keys").replace("id.localhost", "127.0.0.1")).await.unwrap();
    let jwks: JwkSet = serde_json::from_slice(jwks.body()).unwrap();
    let ours = jwks.keys.iter().filter(|jwk| jwk.common.key_algorithm == Some(jsonwebtoken::jwk::KeyAlgorithm::ES256));
    let ours: Vec<_> = ours.collect();
    assert!(!ours.is_empty(), "{jwks:?}");
    let node =
        Store::attach(&world.database.replace("acquit@", &format!("{}@", role_of(&world.database)))).await.unwrap();
    assert!(matches!(node.keys().await, Err(StoreError::Url(_))), "all keys are not for it");
    let seals = GatewayKeys::parse(&keys()).unwrap();
    let records = node.route_keys().await.unwrap();
    assert!(!records.is_empty());
    for record in records {
        let der = seals.route_keys.open(&record.sealed).unwrap();
        SigningKey::from_pkcs8(Algorithm::Es256, &der).unwrap();
        for jwk in &ours {
            let mut header = Header::new(Alg::ES256);
            header.kid.clone_from(&jwk.common.key_id);
            let claims =
                json!({ "iss": world.house.url(""), "sub": "alice", "aud": "payroll", "exp": 9_999_999_999_u64 });
            let forged = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_der(&der)).unwrap();
            let mut validation = Validation::new(Alg::ES256);
            validation.set_audience(&["payroll"]);
            let judged =
                jsonwebtoken::decode::<serde_json::Value>(&forged, &DecodingKey::from_jwk(jwk).unwrap(), &validation);
            let error = judged.expect_err("an ID token of a node").into_kind();
            assert!(matches!(error, jsonwebtoken::errors::ErrorKind::InvalidSignature), "{error:?}");
        }
    }
    // What the server has sealed for itself does not open for the node either.
    let opened = world.house.runs.app.store.keys().await.unwrap().into_iter().filter(|record| {
        seals.route_keys.open(&record.sealed).is_ok() || seals.cookies.open(b"", &record.sealed).is_ok()
    });
    assert!(opened.map(|record| record.alg).all(|alg| alg == "route-es256"));
}

#[tokio::test]
async fn a_node_with_other_keys_or_another_schema_does_not_start() {
    let world = world(OFTEN).await;
    let routes = format!(
        "[[gateway.routes]]\nfrom = \"http://grafana.localhost:1\"\nallow = {{ everyone = true }}\nto = \"http://{}\"\n",
        world.app.address
    );
    let text = configuration(&world.house, &world.database, acquit_testkit::peers::free_port(), &routes);
    let start = async |text: &str| {
        let started = AloneNode::start(AloneNode::settings(text), world.house.runs.clock.clone(), OFTEN).await;
        started.err().expect("it does not start").to_string()
    };
    let master = acquit_server::settings::MasterKey::from_bytes([1; 32]);
    let other = GatewayKeys::derive(&master).unwrap();
    let error = start(&text.replace(&keys(), &other)).await;
    assert!(error.contains("does not open") && error.contains("acquit gateway keys"), "{error}");
    world.sql("INSERT INTO refinery_schema_history VALUES (9999, 'later', '2030-01-01T00:00:00Z', '1')");
    let error = start(&text).await;
    assert!(error.contains("9999") && error.contains("newer"), "{error}");
    world.sql("DELETE FROM refinery_schema_history WHERE version > 5");
    let error = start(&text).await;
    assert!(error.contains("schema version 5") && error.contains("start a server"), "{error}");
}
