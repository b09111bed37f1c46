//! Metadata at URLs: fetched under the policy for outbound requests when the server starts and every hour, so that a changed
//! key or address is known before it matters. What was fetched last counts until there is better.

use std::{collections::HashMap, time::Duration};

use acquit_core::AppId;
use acquit_saml::{
    METADATA_BYTES,
    metadata::{Peer, ServiceProvider},
    security::Trust,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    App,
    settings::{SamlApplication, saml::Source},
};

/// How often each document is fetched.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How soon again after a failure.
const AGAIN: Duration = Duration::from_secs(60);
/// How often it is looked what is due, also because of a changed configuration.
const LOOK: Duration = Duration::from_secs(5);

/// Fetches until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut due: HashMap<AppId, (Source, Instant)> = HashMap::new();
    loop {
        for application in app.clients.service_providers().fetched() {
            let known = due.get(&application.app).filter(|(source, _)| source.is_same_document(&application.source));
            if known.is_some_and(|(_, at)| *at > Instant::now()) {
                continue;
            }
            let wait = match fetch(&app, &application).await {
                Ok(()) => EVERY,
                Err(why) => {
                    tracing::warn!(app = %application.app, why, "the metadata of a SAML application cannot be fetched");
                    AGAIN
                }
            };
            due.insert(application.app, (application.source, Instant::now() + wait));
        }
        if stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
            return;
        }
    }
}

async fn fetch(app: &App, application: &SamlApplication) -> Result<(), String> {
    let Source::Url { url, .. } = &application.source else { return Ok(()) };
    let answer = app.egress.fetch(url, METADATA_BYTES).await.map_err(|error| error.to_string())?;
    if !answer.status.is_success() {
        return Err(format!("{url} answers {}", answer.status));
    }
    let metadata = read(app, application, &answer.body)?;
    let named = metadata.entity_id.clone();
    if app.clients.service_providers().learn(application, metadata) {
        tracing::debug!(app = %application.app, entity = named, "metadata fetched");
        Ok(())
    } else {
        Err(format!("the entity ID {named} is another application's"))
    }
}

fn read(app: &App, application: &SamlApplication, body: &[u8]) -> Result<ServiceProvider, String> {
    let Source::Url { entity_id, signed_by, .. } = &application.source else { return Err(String::new()) };
    // Metadata has no Issuer: the name is of no account.
    let trust = signed_by.as_ref().map(|certificate| Trust::new("metadata", std::slice::from_ref(certificate)));
    let trust = trust.transpose().map_err(|error| error.to_string())?;
    let peer = Peer::from_metadata(body, entity_id.as_deref(), trust.as_ref(), app.clock.now());
    let sp = peer.map_err(|error| error.to_string())?.sp.ok_or("it describes no service provider")?;
    sp.acs_for(None)
        .map_err(|_| "it has no AssertionConsumerService for HTTP-POST, or for HTTP-Artifact with a certificate")?;
    Ok(sp)
}
