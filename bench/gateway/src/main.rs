//! What stands around the gateway while `bench/gateway/run` measures it: a trivial axum handler to compare with, an app with
//! WebSockets and event streams, and the one who opens thousands of these and sees them end.

mod app;
mod client;
mod head;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand};
use tokio::{net::TcpListener, runtime::Builder};

#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// A trivial axum handler, on one thread.
    Trivial { listen: SocketAddr },
    /// An app whose answers do not end: a WebSocket to who asks for one, an event stream to everybody else.
    App { listen: SocketAddr },
    /// Opens streams through the gateway and does what standard input says; see `client`.
    Client(ClientOptions),
}

/// Where streams are opened, and whose they are.
#[derive(Parser)]
struct ClientOptions {
    /// The gateway's socket.
    #[arg(long)]
    gateway: SocketAddr,
    /// The route's host, as a `Host` header names it.
    #[arg(long)]
    host: String,
    /// Acquit's own socket, where the operator's API is.
    #[arg(long)]
    api: SocketAddr,
    /// The operator's token.
    #[arg(long)]
    token: String,
    /// A line for each session: its id, and the `Cookie` header of its browser at the route.
    #[arg(long)]
    sessions: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match Options::parse().role {
            Role::Trivial { listen } => trivial(listen).await,
            Role::App { listen } => app::serve(listen).await,
            Role::Client(options) => client::run(options).await,
        }
    })
}

/// What is least that axum does for a request. Connections are served as `axum::serve` does it.
async fn trivial(listen: SocketAddr) -> anyhow::Result<()> {
    let router = axum::Router::new().fallback(async || "yes\n");
    Ok(axum::serve(TcpListener::bind(listen).await?, router).await?)
}
