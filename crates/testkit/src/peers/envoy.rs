//! Envoy with the sample configuration.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::front::{Words, program, sample, with_file};

/// TLS, which the tests do without.
const TLS: &str = r#"    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            tls_certificates:
            - certificate_chain: { filename: /etc/ssl/grafana.pem }
              private_key: { filename: /etc/ssl/grafana.key }
      filters:
"#;

/// Where `./check` installs it.
fn path() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/python/bin/envoy");
    assert!(path.exists(), "Envoy is missing: install tests/peers/requirements.txt (`./check` does)");
    path
}

pub(super) fn command(root: &Path, words: &Words, grpc: bool) -> Command {
    let (port, own) = (words.port, words.acquit);
    let (listen, domain) =
        (format!("address: 127.0.0.1, port_value: {port}"), format!("domains: [\"{}\"]", words.host));
    let (acquit, app) = (format!("port_value: {own}"), format!("port_value: {}", words.app));
    let (url, asked) = (format!("http://127.0.0.1:{own}"), format!("port_value: {}", words.grpc));
    let mut changes = vec![
        (TLS, "    - filters:\n"),
        ("address: 0.0.0.0, port_value: 443", &listen),
        ("domains: [\"grafana.corp.example.com\"]", &domain),
        ("port_value: 8080", &acquit),
        ("port_value: 3000", &app),
    ];
    changes.push(if grpc { ("port_value: 9001", &asked) } else { ("http://127.0.0.1:8080", &url) });
    let text = sample(if grpc { "envoy-grpc.yaml" } else { "envoy.yaml" }, &changes);
    let file = with_file(root, "envoy.yaml", &text);
    let mut command = program(path(), root);
    command.arg("-c").arg(file).args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]);
    command
}
