//! What a person was on the way to when they had to stop at one of our pages, sealed into that page's URL.

use std::time::Duration;

use acquit_core::{SessionId, Timestamp, UserId};
use acquit_oidc::authorize::AuthorizeRequest;
use serde::{Deserialize, Serialize};

use crate::{
    App,
    seal::{Purpose, SealError},
};

/// How long a person may take to sign in.
const FLOW_LIFE: Duration = Duration::from_secs(30 * 60);
/// How long a browser may take to follow one redirect.
const HANDOFF_LIFE: Duration = Duration::from_secs(60);

/// Where to go on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Flow {
    /// An authorization request that waits.
    Authorize(Box<Pending>),
    /// The person's own sessions.
    Account,
}

/// An authorization request that waits for a sign-in, a choice or a consent. What a person decided on the way counts for
/// that person only: the URL may have come from somebody else's browser.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// The request.
    pub request: AuthorizeRequest,
    /// When it came first, in microseconds: a sign-in after that is as fresh as `prompt=login` asks for.
    pub begun_at: i64,
    /// In which session the person chose to go on as whoever is signed in.
    pub account_selected_in: Option<SessionId>,
    /// Who agreed, for `prompt=consent`.
    pub consent_given_by: Option<UserId>,
    /// The name of the application, for the page.
    pub application: String,
    /// Whether somebody signed in must prove again who they are.
    pub reprompt: bool,
}

impl Flow {
    /// Seals it for a URL.
    ///
    /// # Errors
    /// [`SealError::Unsealable`] when it is too long.
    pub fn seal(&self, app: &App) -> Result<String, SealError> {
        app.sealer.seal(Purpose::Flow, self, app.clock.now().plus(FLOW_LIFE))
    }

    /// Opens what [`Flow::seal`] sealed.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(app: &App, text: &str) -> Result<Self, SealError> {
        app.sealer.open(Purpose::Flow, text, app.clock.now())
    }

    /// Where the browser goes when the sign-in is done.
    ///
    /// # Errors
    /// [`SealError::Unsealable`].
    pub fn onward(&self, app: &App) -> Result<String, SealError> {
        Ok(match self {
            Self::Authorize(_) => format!("/oauth2/v1/authorize?flow={}", self.seal(app)?),
            Self::Account => "/account".to_owned(),
        })
    }
}

impl Pending {
    /// When the request came first.
    #[must_use]
    pub fn begun_at(&self) -> Timestamp {
        Timestamp::from_micros(self.begun_at)
    }
}

/// A cross-site POST that goes on as a GET, so that the browser sends its cookie: no hint or token is readable in the URL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Handoff {
    /// The path that it was posted to.
    pub path: String,
    /// Its parameters, form-encoded.
    pub parameters: String,
}

impl Handoff {
    /// Seals it for a URL that is good for a minute.
    ///
    /// # Errors
    /// [`SealError::Unsealable`] when it is too long.
    pub fn seal(&self, app: &App) -> Result<String, SealError> {
        app.sealer.seal(Purpose::Handoff, self, app.clock.now().plus(HANDOFF_LIFE))
    }

    /// Opens the handoff to `path`.
    ///
    /// # Errors
    /// [`SealError`]; one of another path is forged.
    pub fn open(app: &App, path: &str, text: &str) -> Result<Self, SealError> {
        let handoff: Self = app.sealer.open(Purpose::Handoff, text, app.clock.now())?;
        if handoff.path == path { Ok(handoff) } else { Err(SealError::Forged) }
    }
}
