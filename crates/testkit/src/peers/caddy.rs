//! Caddy with the sample configuration.

use std::path::Path;

use tokio::process::Command;

use super::front::{Words, program, sample, with_file};

pub(super) fn command(root: &Path, words: &Words) -> Command {
    let text = sample(
        "Caddyfile",
        &[
            ("https://grafana.corp.example.com {\n", &format!("http://{} {{\n\tbind 127.0.0.1\n", words.host)),
            ("127.0.0.1:8080", &format!("127.0.0.1:{}", words.acquit)),
            ("127.0.0.1:3000", &format!("127.0.0.1:{}", words.app)),
        ],
    );
    let text = format!("{{\n\tadmin off\n\tauto_https off\n}}\n{text}");
    let file = with_file(root, "Caddyfile", &text);
    let mut command = program("caddy", root);
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    command
}
