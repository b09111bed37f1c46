//! What a person was on the way to when they had to stop at one of our pages, sealed into that page's URL.

use std::time::Duration;

use acquit_core::Timestamp;
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
    Authorize(Pending),
    /// The person's own sessions.
    Account,
}

/// An authorization request that waits for a sign-in, a choice or a consent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// Its parameters, form-encoded, as they came.
    pub parameters: String,
    /// When it came first, in microseconds: a sign-in after that is as fresh as `prompt=login` asks for.
    pub began_at: i64,
    /// Whether the person has chosen to go on as whoever is signed in.
    pub chosen: bool,
    /// The name of the application, for the page.
    pub application: String,
    /// Where it ends: for the page's content security policy.
    pub redirect_uri: String,
    /// What to put into the username field.
    pub login_hint: Option<String>,
    /// Whether somebody signed in must prove again who they are.
    pub again: bool,
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
    pub fn began_at(&self) -> Timestamp {
        Timestamp::from_micros(self.began_at)
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
