//! `acquit programs`: programs that come to the gateway's routes with a token.

use std::time::Duration;

use acquit_gateway::cookie::Cookies;
use acquit_server::{
    api::programs::ProgramBody,
    gateway::program::{Admission, AdmitError, Means, admit},
    seal::Sealer,
};
use clap::{Args, Subcommand};

use super::{CommandError, Global, workshop::Workshop};
use crate::{
    config::{duration, environment::Environment},
    output::{Output, note},
};

/// Let programs in at the gateway's routes
///
/// A program has a session of its own: `acquit sessions list` shows it, `acquit sessions end` ends it, and whatever signs its user
/// out everywhere ends it too. From then on its token is worthless, and what it has open is cut.
#[derive(Debug, Args)]
pub struct Programs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Let one in; its token is printed this once, and kept nowhere
    #[command(after_help = "\
Examples:
  acquit programs add \"nightly backup\" --user backup --route https://grafana.corp.example.com
  acquit programs add ci --user alice --route https://grafana.corp.example.com --for 1h > token
  curl -H \"Authorization: Bearer $(cat token)\" https://grafana.corp.example.com/api/health

A program that is nobody's acts as a service: a user with `service = true` in the configuration,
who has no password. How long a token may live is `lifetimes.program_max`.")]
    Add(Add),
}

#[derive(Debug, Args)]
struct Add {
    /// What you call it
    name: String,
    /// As whom it acts, by username or id
    #[arg(long)]
    user: String,
    /// At which route, by the URL that the configuration has (`from`)
    #[arg(long, value_name = "URL")]
    route: String,
    /// For how long; as long as may be when absent
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse_long)]
    life: Option<Duration>,
}

impl Programs {
    /// Does it.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn run(self, global: &Global, environment: &Environment, output: &Output) -> Result<u8, CommandError> {
        let shop = Workshop::open(global, environment).await?;
        match self.verb {
            Verb::Add(add) => add.run(&shop, output).await,
        }
    }
}

impl Add {
    async fn run(self, shop: &Workshop, output: &Output) -> Result<u8, CommandError> {
        let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
        let lifetimes = shop.settings.lifetimes.session();
        let master = shop.settings.server.master_key.load().map_err(|error| failed(&error))?;
        let sealer = Sealer::new(&master).map_err(|error| failed(&error))?;
        let means = Means {
            store: &shop.store,
            clients: shop.clients(),
            cookies: &Cookies::new(sealer.routes().clone(), lifetimes),
            routes: &shop.settings.gateway.table(),
            lifetimes,
        };
        let user = shop.user(&self.user).await?;
        let by = "command".to_owned();
        let admission = Admission { user, route: self.route, name: self.name, life: self.life, by };
        let admitted = admit(means, admission, shop.now()).await.map_err(|error| match error {
            AdmitError::Store(error) => CommandError::Store(error),
            error @ (AdmitError::Name | AdmitError::Life(_)) => CommandError::Usage(error.to_string()),
            error => failed(&error),
        })?;
        let body = ProgramBody::from(admitted);
        if !output.is_json() {
            note(&format!("its session is {}, until {}; the token is shown this once:", body.session, body.expires_at));
        }
        output.say(&body, |body| body.token.clone())?;
        Ok(0)
    }
}
