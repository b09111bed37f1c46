//! `acquit doctor`: what another party can do for logout, in plain words.

use std::{fs::File, io, io::Read, path::Path};

use acquit_delivery::egress::{self, Egress, Options, Policy};
use acquit_saml::METADATA_BYTES;
use acquit_server::settings::Settings;
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
mod idp;
mod text;

use about::About;

/// See what an application or an identity provider can do for logout, before or after it is configured
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
    /// Read an identity provider's discovery document or SAML metadata and say which logout it can do
    ///
    /// Says whether a logout here can end the session there and take its tokens back, and whether a logout there reaches us,
    /// from server to server or through the browser. Tries what can be tried: whether its endpoints answer, whether its keys
    /// can be read, whether it is the issuer that it should be. With a connection of the configuration it also says what
    /// does not fit, and the exact URLs to register there. Nobody is signed in or out by it, and no secret is sent.
    #[command(after_help = "\
Examples:
  acquit doctor idp https://login.example.com
  acquit doctor idp https://login.example.com/.well-known/openid-configuration
  acquit doctor idp --connection conn_01EXAMPLE
  acquit doctor idp idp-metadata.xml
  acquit doctor idp https://login.example.com --json | jq '.abilities[] | {name, able}'

Exits with 0 if a logout here can end the session there and all that was tried is well, with 1 if not or if
the provider cannot be read, with 2 if there is no such file or connection or the configuration has mistakes.")]
    Idp(idp::Idp),
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
        let app = match &self.party {
            Party::App(app) => app,
            Party::Idp(idp) => return idp.run(global, environment, output).await,
        };
        let policy = policy_of(configured(global, environment)?.as_ref());
        let document = if is_url(&app.metadata) {
            fetch(&app.metadata, &client(policy.clone())?).await?
        } else {
            read(&app.metadata)?
        };
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

/// The configuration; none where there is none yet.
fn configured(global: &Global, environment: &Environment) -> Result<Option<Settings>, CommandError> {
    let named = global.config != Path::new("acquit.toml");
    if !named && !global.config.exists() {
        return Ok(None);
    }
    check::settings(global, environment).map(Some)
}

/// What a configuration lets requests reach; public addresses without one.
fn policy_of(settings: Option<&Settings>) -> Policy {
    match settings {
        None => Policy::allowing(Vec::new()),
        // Never to this server itself, even where loopback is allowed.
        Some(settings) => Policy { own: vec![settings.server.listen], ..policy(&settings.egress) },
    }
}

fn client(policy: Policy) -> Result<Egress, CommandError> {
    let cannot = |error: egress::EgressError| CommandError::Failed(format!("requests cannot be made: {error}"));
    Egress::new(Options::new(policy)).map_err(cannot)
}

async fn fetch(url: &str, egress: &Egress) -> Result<Vec<u8>, CommandError> {
    let shown = clean(url);
    let cannot = |why: String| CommandError::Failed(format!("`{shown}` cannot be fetched: {why}"));
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
