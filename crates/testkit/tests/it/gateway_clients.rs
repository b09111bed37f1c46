//! The gateway as clients by others see it: `httpx` by HTTP/1.1 and HTTP/2, and `websockets`, whose own server is the app behind it.

use std::time::Duration;

use acquit_testkit::{
    Engine, Setup,
    peers::{self, clients::Clients, free_port},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn httpx_and_websockets_are_carried_and_cut_by_a_sign_out_elsewhere() {
    if !peers::take_part() {
        return;
    }
    for engine in Engine::BOTH {
        let what = format!("{engine:?}");
        let port = free_port();
        let hosts = ["grafana", "vault"].map(|host| format!("{host}.localhost:{port}"));
        let mut clients = Clients::start(&hosts[0], &hosts[1], "alice").await;
        let mut gateway = format!("[gateway]\nlisten = \"127.0.0.1:{port}\"\n\n");
        for (host, to) in hosts.iter().zip(clients.ports) {
            gateway.push_str(&format!(
                "[[gateway.routes]]\nfrom = \"http://{host}\"\nto = \"http://127.0.0.1:{to}\"\nallow = {{ everyone = true }}\n\n"
            ));
        }
        let app = Setup::on(engine).host("id.localhost").with(&gateway).start(&[]).await;
        let limit = Duration::from_secs(120);
        let seen = tokio::time::timeout(limit, clients.begin()).await.expect("in time");
        for (name, version) in [("http1", "HTTP/1.1"), ("http2", "HTTP/2")] {
            let expected = json!({
                "version": version, "up": true, "expect": true, "down": true, "events": "text/event-stream",
                // What an app says before its answer goes no farther than the gateway.
                "hints": [200, false],
            });
            assert_eq!(seen[name], expected, "{what}: {name}");
        }
        let expected = json!({
            "echoed": ["hello", 3 * 1024 * 1024, 0, 1], "pong": true, "extensions": ["permessage-deflate"],
        });
        assert_eq!(seen["websocket"], expected, "{what}");
        let sessions = app.live_sessions().await;
        assert_eq!(sessions.len(), 1, "{what}");
        let path = format!("/api/v1/sessions/{}", sessions[0]["id"].as_str().unwrap());
        let (status, body) = app.api(http::Method::DELETE, &path, None).await;
        assert!(status < 300, "{what}: {status} {body}");
        let ended = tokio::time::timeout(limit, clients.ended()).await.expect("in time");
        let expected = json!({
            "websocket": [1008, "signed out", true], "http1": "RemoteProtocolError", "http2": "RemoteProtocolError",
            "again": 401, "replayed": 401,
        });
        assert_eq!(ended, expected, "{what}: nothing looks whole");
    }
}
