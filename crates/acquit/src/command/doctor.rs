//! `acquit doctor`: what another party can do for logout, in plain words.

use std::{fs::File, io, io::Read, path::Path};

use acquit_delivery::egress::{self, Egress, Options, Policy};
use acquit_saml::METADATA_BYTES;
use clap::{Args, Subcommand};

use super::{CommandError, Global, check};
use crate::{
    config::{
        applications::{Unusable, read_metadata},
        egress::policy,
        environment::Environment,
    },
    output::{Output, clean},
};

mod about;
mod block;
mod text;

use about::About;

/// See what an application can do for logout, before or after it is configured
#[derive(Debug, Args)]
pub struct Doctor {
    #[command(subcommand)]
    party: Party,
}

#[derive(Debug, Subcommand)]
enum Party {
    /// Read a SAML application's metadata and say how it can be told of a logout
    ///
    /// Says by which bindings and at which addresses the application takes logout messages, and what each is worth: SOAP goes
    /// from server to server and is delivered until it is confirmed; Redirect and POST need the person's browser. Says also
    /// which keys it signs with and until when, what it wants of a sign-in, everything that `acquit check` would remark, and
    /// what to write into acquit.toml. A URL is fetched as the server would fetch it: to public addresses, and to those that
    /// `egress.allow` in the configuration names.
    #[command(after_help = "\
Examples:
  acquit doctor app wiki-sp.xml
  acquit doctor app https://wiki.example.com/saml/metadata
  acquit doctor app federation.xml --entity-id https://wiki.example.com/sp
  acquit doctor app wiki-sp.xml --json | jq '.logout[] | {binding, location}'

Exits with 0 if the application can be used and told of a logout, with 1 if not or if its metadata
cannot be had or used, with 2 if there is no such file or the configuration has mistakes.")]
    App(App),
}

#[derive(Debug, Args)]
struct App {
    /// The application's SAML metadata: a file, or a URL with http:// or https://
    #[arg(value_name = "URL-or-FILE")]
    metadata: String,
    /// Which application, when the metadata names several
    #[arg(long, value_name = "ID")]
    entity_id: Option<String>,
}

impl Doctor {
    /// Looks, and says what was seen.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn run(&self, global: &Global, environment: &Environment, output: &Output) -> Result<u8, CommandError> {
        let Party::App(app) = &self.party;
        let policy = operators_policy(global, environment)?;
        let document =
            if is_url(&app.metadata) { fetch(&app.metadata, policy.clone()).await? } else { read(&app.metadata)? };
        let place = format!("`{}`", clean(&app.metadata));
        let sp = read_metadata(&document, app.entity_id.as_deref()).map_err(|unusable| {
            let help = match unusable {
                // There is a flag for it here.
                Unusable::NoEntity => Some("name the one that is meant with --entity-id"),
                _ => unusable.help(),
            };
            let help = help.map(|help| format!("\n  help: {help}")).unwrap_or_default();
            CommandError::Failed(format!("{}{help}", unusable.words(&place)))
        })?;
        let about = About::of(&app.metadata, app.entity_id.as_deref(), &sp, &policy);
        output.say(&about, |about| text::show(about, output))?;
        Ok(u8::from(!about.is_well()))
    }
}

fn is_url(text: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme)))
}

/// What the configuration lets requests reach; public addresses where there is no configuration yet.
fn operators_policy(global: &Global, environment: &Environment) -> Result<Policy, CommandError> {
    let named = global.config != Path::new("acquit.toml");
    if !named && !global.config.exists() {
        return Ok(Policy::allowing(Vec::new()));
    }
    let settings = check::settings(global, environment)?;
    // Never to this server itself, even where loopback is allowed.
    Ok(Policy { own: vec![settings.server.listen], ..policy(&settings.egress) })
}

async fn fetch(url: &str, policy: Policy) -> Result<Vec<u8>, CommandError> {
    let shown = clean(url);
    let cannot = |why: String| CommandError::Failed(format!("`{shown}` cannot be fetched: {why}"));
    let egress = Egress::new(Options::new(policy)).map_err(|error| cannot(error.to_string()))?;
    let answer = egress.fetch(url, METADATA_BYTES).await.map_err(|error| match error {
        egress::Trouble::Blocked(_) => {
            cannot(format!("{error}\n  help: allow its network in `egress.allow`, or give the metadata as a file"))
        }
        error => cannot(error.to_string()),
    })?;
    if answer.status.is_success() {
        Ok(answer.body.to_vec())
    } else {
        Err(cannot(format!("it answers {}", answer.status)))
    }
}

fn read(file: &str) -> Result<Vec<u8>, CommandError> {
    let cannot = |error: io::Error| CommandError::Usage(format!("`{}` cannot be read: {error}", clean(file)));
    let mut bytes = Vec::new();
    File::open(file).map_err(cannot)?.take(METADATA_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}
