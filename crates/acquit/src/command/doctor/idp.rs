//! `acquit doctor idp`: what an identity provider can do for logout.

use acquit_delivery::egress::Egress;
use acquit_oidc::rp::provider::{Expected, MAX_DOCUMENT, Provider, WELL_KNOWN, discovery_url};
use acquit_server::settings::{Connection, Settings, broker::UpstreamProvider};
use clap::Args;

use super::{CommandError, Global, client, configured, fetch, is_url, policy_of, read};
use crate::{
    config::environment::Environment,
    output::{Output, clean},
};

mod openid;
mod saml;
mod text;

use openid::OpenId;
use saml::Saml;

#[derive(Debug, Args)]
pub(super) struct Idp {
    /// The provider: its issuer, its discovery document, or its SAML metadata, by URL; or a file with SAML metadata
    #[arg(value_name = "URL-or-FILE", required_unless_present = "connection")]
    provider: Option<String>,
    /// The connection to it in the configuration, whose URLs are to be registered there [default: the one of that issuer]
    #[arg(long, value_name = "ID")]
    connection: Option<String>,
    /// Which identity provider, when the SAML metadata names several
    #[arg(long, value_name = "ID")]
    entity_id: Option<String>,
}

/// What was found where the provider was looked for.
enum Found {
    OpenId(Box<Provider>),
    Saml(Vec<u8>),
}

impl Idp {
    /// Looks, tries, and says what was seen.
    pub(super) async fn run(
        &self,
        global: &Global,
        environment: &Environment,
        output: &Output,
    ) -> Result<u8, CommandError> {
        let settings = configured(global, environment)?;
        let named = self.connection.as_deref().map(|id| named(settings.as_ref(), id)).transpose()?;
        let source = match (&self.provider, named) {
            (Some(source), _) => source.clone(),
            (None, Some(connection)) => source_of(connection)?,
            (None, None) => return Err(CommandError::Usage("say which identity provider is meant".to_owned())),
        };
        let egress = client(policy_of(settings.as_ref()))?;
        match self.look(&source, &egress).await? {
            Found::OpenId(provider) => {
                let connection = named.or_else(|| of_issuer(settings.as_ref(), &provider.issuer));
                if let Some(connection) = connection.filter(|connection| connection.oidc().is_none()) {
                    let why = format!("`{}` is a SAML connection, and this is an OpenID provider", connection.id);
                    return Err(CommandError::Usage(why));
                }
                let ours = connection.zip(settings.as_ref());
                let about = OpenId::of(&source, &provider, ours, &egress).await;
                output.say(&about, |about| text::openid(about, output))?;
                Ok(u8::from(!about.is_well()))
            }
            Found::Saml(document) => {
                let public_url = settings.as_ref().map(|settings| settings.server.issuer.as_str());
                let ours = self.connection.as_deref().zip(public_url);
                let about = Saml::read(&source, &document, self.entity_id.as_deref(), ours)?;
                output.say(&about, |about| text::saml(about, output))?;
                Ok(u8::from(!about.is_well()))
            }
        }
    }

    /// Finds out what kind of provider it is by what lies there.
    async fn look(&self, source: &str, egress: &Egress) -> Result<Found, CommandError> {
        let shown = clean(source);
        if !is_url(source) {
            return Ok(Found::Saml(read(source)?));
        }
        let unusable =
            |error: &dyn std::fmt::Display| CommandError::Failed(format!("`{shown}` cannot be used: {error}"));
        if source.ends_with(WELL_KNOWN) {
            let document = fetch(source, egress).await?;
            let provider = Provider::parse(&document, Expected::At(source)).map_err(|error| unusable(&error))?;
            return Ok(Found::OpenId(Box::new(provider)));
        }
        if let Ok(url) = discovery_url(source) {
            match egress.fetch(&url, MAX_DOCUMENT).await {
                Ok(answer) if answer.status == 200 && is_json(&answer.body) => {
                    let provider = Provider::parse(&answer.body, Expected::Issuer(source));
                    return Ok(Found::OpenId(Box::new(provider.map_err(|error| unusable(&error))?)));
                }
                // Nothing of that kind there: it may be the address of metadata.
                Ok(_) => {}
                Err(error) if self.entity_id.is_none() && !source.ends_with("xml") => {
                    return Err(CommandError::Failed(format!("`{}` cannot be fetched: {error}", clean(&url))));
                }
                Err(_) => {}
            }
        }
        let document = fetch(source, egress).await?;
        if starts_with(&document, b'<') {
            return Ok(Found::Saml(document));
        }
        Err(CommandError::Failed(format!(
            "there is neither a discovery document nor SAML metadata at `{shown}`\n  help: give the issuer as the \
             provider's metadata has it, or the address of its SAML metadata"
        )))
    }
}

fn is_json(body: &[u8]) -> bool {
    starts_with(body, b'{')
}

fn starts_with(body: &[u8], first: u8) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&first)
}

/// The connection that is named.
fn named<'a>(settings: Option<&'a Settings>, id: &str) -> Result<&'a Connection, CommandError> {
    let all = settings.map(|settings| settings.connections.as_slice()).unwrap_or_default();
    all.iter().find(|connection| connection.id.as_str() == id).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|connection| connection.id.as_str()).collect();
        let help = if known.is_empty() {
            "it has no `[[connections]]`".to_owned()
        } else {
            format!("it has {}", known.join(", "))
        };
        CommandError::Usage(format!("the configuration has no connection `{}`\n  help: {help}", clean(id)))
    })
}

/// The one connection to an issuer; none where there are several.
fn of_issuer<'a>(settings: Option<&'a Settings>, wanted: &str) -> Option<&'a Connection> {
    let all = settings.map(|settings| settings.connections.as_slice()).unwrap_or_default();
    let mut to_it = all.iter().filter(|connection| connection.oidc().is_some_and(|oidc| oidc.issuer == wanted));
    to_it.next().filter(|_| to_it.next().is_none())
}

/// Where the document of a connection's provider is.
fn source_of(connection: &Connection) -> Result<String, CommandError> {
    match &connection.provider {
        UpstreamProvider::Oidc(oidc) => Ok(oidc.issuer.clone()),
        UpstreamProvider::Saml(saml) => match saml.source.document() {
            Some(document) => Ok(document.url.clone()),
            None => {
                let why =
                    format!("the metadata of `{}` is not at a URL\n  help: name its file beside it", connection.id);
                Err(CommandError::Usage(why))
            }
        },
    }
}
