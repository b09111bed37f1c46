//! A code for an application: what every door that gives one does.

use std::time::Duration;

use acquit_core::{
    AppId, Timestamp,
    participant::{Channels, Participant, Protocol},
    session::Session,
};
use acquit_oidc::pkce;
use acquit_store::code::{CodeGrant, NewCode, Pkce};

use crate::{
    App,
    door::DoorError,
    random::{self, NoRandomness},
};

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

/// A code that was drawn and is not written yet.
pub struct Drawn {
    /// What the application is to be given, once it is written.
    pub code: String,
    /// What the store is to write, together with the participant: nothing leaves before the application is in the ledger.
    pub new: NewCode,
}

/// Draws a code for an application in a session.
///
/// # Errors
/// [`NoRandomness`].
pub fn draw(session: &Session, wanted: Wanted, now: Timestamp) -> Result<Drawn, NoRandomness> {
    let code = random::secret_at(now)?;
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
        subject: session.user.to_string(),
        sid: random::secret_at(now)?,
        joined_at: now,
        channels: wanted.channels,
        name_id: None,
        not_on_or_after: None,
    };
    tracing::debug!(session = %session.id, app = %participant.app, "an application joins a session");
    let new = NewCode { hash: random::hash(&code), grant, participant };
    Ok(Drawn { code, new })
}

/// Makes a code in a session that began before. None when it ended meanwhile.
///
/// # Errors
/// [`DoorError`].
pub async fn issue(app: &App, session: &Session, wanted: Wanted) -> Result<Option<String>, DoorError> {
    let Drawn { code, new } = draw(session, wanted, app.clock.now())?;
    let lifetimes = app.settings().lifetimes.session();
    let issued = app.store.issue_code(new, lifetimes).await?;
    Ok(issued.is_ok().then_some(code))
}
