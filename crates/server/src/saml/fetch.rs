//! Metadata at URLs: fetched under the policy for outbound requests when the server starts and every hour, so that a changed
//! key or address is known before it matters. What was fetched last counts until there is better.

use std::{collections::HashMap, sync::Arc, time::Duration};

use acquit_core::AppId;
use acquit_saml::{
    METADATA_BYTES,
    metadata::{IdentityProvider, Peer},
    security::Trust,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    App,
    settings::{Connection, SamlApplication, saml::Document},
};

/// How often each document is fetched.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How soon again after a failure.
const AGAIN: Duration = Duration::from_secs(60);
/// How often it is looked what is due, also because of a changed configuration.
const LOOK: Duration = Duration::from_secs(5);

/// Whose metadata is at a URL.
enum Whose {
    Application(Box<SamlApplication>),
    Connection(Arc<Connection>),
}

impl Whose {
    fn party(&self) -> AppId {
        match self {
            Self::Application(application) => application.app.clone(),
            Self::Connection(connection) => connection.id.party(),
        }
    }

    fn document(&self) -> Option<&Document> {
        match self {
            Self::Application(application) => application.source.document(),
            Self::Connection(connection) => connection.saml()?.source.document(),
        }
    }
}

/// All whose metadata is at a URL, as they are configured now.
fn wanted(app: &App) -> Vec<Whose> {
    let applications = app.clients.service_providers().fetched().into_iter().map(Box::new).map(Whose::Application);
    let connections = app.clients.connections().all().into_iter().map(Whose::Connection);
    applications.chain(connections).filter(|whose| whose.document().is_some()).collect()
}

/// Fetches until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut due: HashMap<AppId, (Document, Instant)> = HashMap::new();
    loop {
        for whose in wanted(&app) {
            let (party, Some(document)) = (whose.party(), whose.document()) else { continue };
            let known = due.get(&party).filter(|(known, _)| known == document);
            if known.is_some_and(|(_, at)| *at > Instant::now()) {
                continue;
            }
            let wait = match fetch(&app, &whose, document).await {
                Ok(()) => EVERY,
                Err(why) => {
                    tracing::warn!(%party, why, "the metadata of a SAML party cannot be fetched");
                    AGAIN
                }
            };
            due.insert(party, (document.clone(), Instant::now() + wait));
        }
        if stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
            return;
        }
    }
}

async fn fetch(app: &App, whose: &Whose, document: &Document) -> Result<(), String> {
    let peer = fetched(app, document).await?;
    let named = match whose {
        Whose::Application(application) => learn_application(app, application, peer)?,
        Whose::Connection(connection) => learn_connection(app, connection, peer)?,
    };
    tracing::debug!(party = %whose.party(), entity = named, "metadata fetched");
    Ok(())
}

/// The identity provider that a document describes now, if people can sign in by it.
///
/// # Errors
/// Why not, for the log.
pub async fn identity_provider(app: &App, document: &Document) -> Result<IdentityProvider, String> {
    usable(fetched(app, document).await?)
}

async fn fetched(app: &App, document: &Document) -> Result<Peer, String> {
    let url = &document.url;
    let answer = app.egress.fetch(url, METADATA_BYTES).await.map_err(|error| error.to_string())?;
    if !answer.status.is_success() {
        return Err(format!("{url} answers {}", answer.status));
    }
    read(app, document, &answer.body)
}

fn read(app: &App, document: &Document, body: &[u8]) -> Result<Peer, String> {
    let Document { entity_id, signed_by, .. } = document;
    // Metadata has no Issuer: the name is of no account.
    let trust = signed_by.as_ref().map(|certificate| Trust::new("metadata", std::slice::from_ref(certificate)));
    let trust = trust.transpose().map_err(|error| error.to_string())?;
    let peer = Peer::from_metadata(body, entity_id.as_deref(), trust.as_ref(), app.clock.now());
    peer.map_err(|error| error.to_string())
}

fn learn_application(app: &App, application: &SamlApplication, peer: Peer) -> Result<String, String> {
    let sp = peer.sp.ok_or("it describes no service provider")?;
    sp.acs_for(None)
        .map_err(|_| "it has no AssertionConsumerService for HTTP-POST, or for HTTP-Artifact with a certificate")?;
    let named = sp.entity_id.clone();
    if app.clients.service_providers().learn(application, sp) {
        Ok(named)
    } else {
        Err(format!("the entity ID {named} is another application's"))
    }
}

fn usable(peer: Peer) -> Result<IdentityProvider, String> {
    let idp = peer.idp.ok_or("it describes no identity provider")?;
    idp.trust().map_err(|error| error.to_string())?;
    idp.sign_on().ok_or("it has no SingleSignOnService for HTTP-Redirect or HTTP-POST")?;
    Ok(idp)
}

fn learn_connection(app: &App, connection: &Connection, peer: Peer) -> Result<String, String> {
    let idp = usable(peer)?;
    let named = idp.entity_id.clone();
    app.clients.connections().identity_providers().learn(connection, idp);
    Ok(named)
}
