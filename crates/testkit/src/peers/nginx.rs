//! nginx with the sample configuration.

use std::path::Path;

use tokio::process::Command;

use super::front::{Words, program, sample, with_file};

/// Where Debian puts it.
const PROGRAM: &str = "/usr/sbin/nginx";

pub(super) fn command(root: &Path, words: &Words) -> Command {
    let root_text = root.display().to_string();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {root_text}/{name};\n"))
        .concat();
    let text = sample(
        "nginx.conf",
        &[
            ("http {\n", &format!("http {{\n    access_log off;\n{temporary}")),
            ("listen 443 ssl;", &format!("listen 127.0.0.1:{};", words.port)),
            ("        ssl_certificate     /etc/ssl/grafana.pem;\n", ""),
            ("        ssl_certificate_key /etc/ssl/grafana.key;\n", ""),
            ("$route_scheme https;", "$route_scheme http;"),
            ("server_name grafana.corp.example.com", &format!("server_name {}", words.name)),
            ("grafana.corp.example.com", &words.host),
            ("id.example.com", &words.own),
            ("127.0.0.1:8080", &format!("127.0.0.1:{}", words.acquit)),
            ("127.0.0.1:3000", &format!("127.0.0.1:{}", words.app)),
        ],
    );
    let file = with_file(root, "nginx.conf", &text);
    let mut command = program(PROGRAM, root);
    // One process, so that ending it ends everything.
    let globals = format!("daemon off; master_process off; pid {root_text}/pid; error_log stderr info;");
    command.arg("-p").arg(root).arg("-e").arg("stderr").arg("-c").arg(file).arg("-g").arg(globals);
    command
}
