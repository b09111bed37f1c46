//! A code for an application: what every door that gives one does.

use std::time::Duration;

use acquit_core::{
    AppId,
    participant::{Channels, Participant, Protocol},
};
use acquit_oidc::pkce;
use acquit_store::{
    code::{CodeGrant, Pkce},
    session::SessionView,
};

use crate::{App, door::DoorError, random};

/// What an application is to get, beside the session.
#[derive(Debug)]
pub struct Wanted {
    /// Which application.
    pub app: AppId,
    /// Its `client_id`.
    pub client_id: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// How it can be told of a logout.
    pub channels: Channels,
    /// Where the code goes, to the letter.
    pub redirect_uri: String,
    /// The scopes, with spaces between them.
    pub scope: String,
    /// Its `nonce`.
    pub nonce: Option<String>,
    /// Its PKCE challenge (S256).
    pub challenge: Option<String>,
    /// The claims that it asked for, as JSON.
    pub claims: Option<String>,
    /// How long the code is good.
    pub life: Duration,
}

/// Makes a code, which is written together with the participant: nothing leaves before the application is in the ledger.
/// None when the session ended meanwhile.
///
/// # Errors
/// [`DoorError`].
pub async fn issue(app: &App, view: &SessionView, wanted: Wanted) -> Result<Option<String>, DoorError> {
    let now = app.clock.now();
    let code = random::secret_at(now)?;
    let session = &view.session;
    let grant = CodeGrant {
        session: session.id.clone(),
        app: wanted.app.clone(),
        client_id: wanted.client_id.clone(),
        redirect_uri: wanted.redirect_uri,
        scope: wanted.scope,
        nonce: wanted.nonce,
        pkce: wanted.challenge.map(|challenge| Pkce { challenge, method: pkce::METHOD.to_owned() }),
        claims: wanted.claims,
        auth_time: session.authenticated_at,
        acr: None,
        family: random::secret_at(now)?,
        issued_at: now,
        expires_at: now.plus(wanted.life),
    };
    let participant = Participant {
        session: session.id.clone(),
        app: wanted.app,
        protocol: wanted.protocol,
        client_id: wanted.client_id,
        subject: view.user.id.to_string(),
        sid: random::secret_at(now)?,
        joined_at: now,
        channels: wanted.channels,
        name_id: None,
        not_on_or_after: None,
    };
    tracing::debug!(session = %session.id, app = %participant.app, "an application joins a session");
    let lifetimes = app.settings().lifetimes.session();
    let issued = app.store.issue_code(&random::hash(&code), grant, participant, lifetimes).await?;
    Ok(issued.is_ok().then_some(code))
}
