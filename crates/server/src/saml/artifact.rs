//! `/saml/artifact`: the HTTP Artifact binding (Bindings section 3.6) for Responses. The browser carries a reference; its
//! application fetches the Response over SOAP, once, soon, and only while the session that it signs in to lives.

use std::{sync::Arc, time::Duration};

use acquit_saml::{
    binding::{artifact::Artifact, soap},
    message::{ArtifactResolve, ArtifactResponse, Code, Expect, Header, Kind, Message, MessageId, Status},
};
use acquit_store::{
    Hash,
    saml::{Answered, NewArtifact},
};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::{Request, State},
    response::Response,
};

use super::{
    answer::{self, SignsIn},
    incoming,
    registry::Sp,
    soap::{self as door, Trouble},
};
use crate::{App, door::DoorError, form::Address, random, seal::Purpose};

/// Where artifacts are resolved.
pub const PATH: &str = "/saml/artifact";
/// The index of that endpoint in our metadata.
const INDEX: u16 = 0;
/// How long an artifact is good: for one redirect and one request from server to server.
pub const LIFE: Duration = Duration::from_secs(60);

/// Keeps a Response for its application, and gives what stands for it.
///
/// # Errors
/// [`DoorError::BadRequest`] for a request that was answered before, [`DoorError::Unavailable`], [`DoorError::Internal`].
pub(super) async fn keep(app: &App, sp: &Sp, xml: &str, signs_in: Option<SignsIn<'_>>) -> Result<Artifact, DoorError> {
    let now = app.clock.now();
    let (session, once) = signs_in.map_or((None, None), |to| (Some(to.session.clone()), to.once));
    let artifact = Artifact::from_random(&app.entity_id(), INDEX, random::bytes()?);
    let new = NewArtifact {
        hash: hash(&artifact),
        entity_id: sp.entity_id().to_owned(),
        session,
        message: app.sealer.seal_bytes(Purpose::SamlArtifact, xml.as_bytes())?,
        now,
        expires_at: now.plus(LIFE),
        once,
    };
    match app.store.put_saml_artifact(new).await? {
        Ok(()) => Ok(artifact),
        Err(Answered) => Err(answer::answered_before()),
    }
}

/// The whole hash: a part of the handle in the store would be a part of the secret.
fn hash(artifact: &Artifact) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(digest(&SHA256, artifact.handle()).as_ref());
    hash
}

/// `POST /saml/artifact`.
pub async fn resolve(State(app): State<App>, Address(address): Address, request: Request) -> Response {
    match door::body(request).await {
        Ok(body) => door::answer(take(&app, &address, body).await),
        Err(response) => response,
    }
}

async fn take(app: &App, address: &str, body: Vec<u8>) -> Result<String, Trouble> {
    let fault = |error: acquit_saml::Error| Trouble::Fault(error.to_string());
    let arrived = soap::decode(body).map_err(fault)?;
    let (id, sp, verified) = {
        let message = Message::open(&arrived, &[Kind::ArtifactResolve]).map_err(fault)?;
        incoming::heard(&message);
        let sp: Option<Arc<Sp>> = app.clients.service_providers().by_entity(message.issuer());
        let verified = match &sp {
            Some(sp) if sp.has_expired(app.clock.now()) => Err(incoming::EXPIRED.to_owned()),
            Some(sp) => verified(app, sp, &message).map_err(|error| error.to_string()),
            None => Err("no application with this entity ID is registered here".to_owned()),
        };
        (message.id().to_owned(), sp, verified)
    };
    let (sp, artifact) = match (sp, verified) {
        (Some(sp), Ok(artifact)) => (sp, artifact),
        (_, verified) => {
            app.limits().try_bare_logout(address)?;
            let why = verified.err().unwrap_or_default();
            tracing::info!(why, "an ArtifactResolve is refused");
            let mut status = Status::new(Code::Requester, "RequestDenied");
            status.message = Some(why).filter(|why| !why.is_empty());
            return envelope(app, &id, status, None);
        }
    };
    // What is unknown, used, late, another application's or of a session that has ended: all the same (Core section 3.5.3).
    let message = fetch(app, &sp, &artifact).await?;
    tracing::debug!(app = %sp.app(), found = message.is_some(), "an artifact is resolved");
    envelope(app, &id, Status::success(), message)
}

/// The artifact in a request, if the application signed it for this address and it is fresh.
fn verified(app: &App, sp: &Sp, message: &Message<'_>) -> Result<Artifact, acquit_saml::Error> {
    let here = incoming::here(app, PATH);
    let here = [here.as_str()];
    let signed = message.verify(&sp.trust(app.clock.now())?, &Expect::new(&here, app.clock.now()))?;
    Ok(ArtifactResolve::from_signed(&signed)?.into_inner().artifact)
}

async fn fetch(app: &App, sp: &Sp, artifact: &Artifact) -> Result<Option<String>, DoorError> {
    if !artifact.is_from(&app.entity_id()) || artifact.index() != INDEX {
        return Ok(None);
    }
    let lifetimes = app.settings().lifetimes.session();
    let now = app.clock.now();
    let Some(sealed) = app.store.take_saml_artifact(&hash(artifact), sp.entity_id(), now, lifetimes).await? else {
        return Ok(None);
    };
    let foreign =
        || DoorError::Internal("a kept SAML message does not open: it was sealed under another key".to_owned());
    let message = app.sealer.open_bytes(Purpose::SamlArtifact, &sealed).map_err(|_| foreign())?;
    Ok(Some(String::from_utf8(message.to_vec()).map_err(|_| foreign())?))
}

fn envelope(app: &App, request: &str, status: Status, message: Option<String>) -> Result<String, Trouble> {
    let id = MessageId::from_random(random::bytes()?);
    let mut header = Header::new(&id, app.clock.now(), &app.entity_id(), "").answering(request);
    header.destination = None;
    let response = ArtifactResponse { header, status, message };
    answer::sent(&response);
    soap::encode(&response, &answer::signer(app)?).map_err(|error| Trouble::Door(answer::ours(error)))
}
