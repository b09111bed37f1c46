//! SAML messages that go on from a POST to a GET: what was believed of them, sealed.

use acquit_core::{AppId, ConnectionId, participant::NameIdForm};
use serde::{Deserialize, Serialize};

use super::{HANDOFF_LIFE, SamlPending};
use crate::{
    App,
    seal::{Purpose, SealError},
};

/// A SAML message that another site posted, verified and read: it goes on as a GET, so that the browser sends its cookie.
/// The message itself is not in the URL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SamlHandoff {
    /// A request for an assertion.
    SignIn(Box<SamlPending>),
    /// A request for a logout.
    SignOut(Box<SamlLogout>),
    /// An identity provider's answer to our own request.
    Arrived(Box<SamlArrived>),
}

/// An identity provider's Response that was judged when it came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlArrived {
    /// Through which connection.
    pub connection: ConnectionId,
    /// The request that it answers.
    pub request: String,
    /// Whom it is about, or why about nobody.
    pub came: Result<SamlPerson, SamlNobody>,
}

/// A person whom an identity provider vouches for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlPerson {
    /// The provider, by its entity ID.
    pub issuer: String,
    /// The identifier of the assertion, which is good once.
    pub assertion: String,
    /// Until when it must be remembered, in microseconds.
    pub until: i64,
    /// The value of the NameID.
    pub subject: String,
    /// What qualifies it.
    pub form: NameIdForm,
    /// The provider's name for its session, if it gave one.
    pub index: Option<String>,
    /// When the person was authenticated, by the provider's clock, in microseconds.
    pub authenticated_at: i64,
    /// The provider's name for the person, for good.
    pub idp_id: String,
    /// What it says of them.
    pub claims: serde_json::Map<String, serde_json::Value>,
}

/// Why a Response signs nobody in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlNobody {
    /// Whether the provider or the person said no.
    pub denied: bool,
    /// Why, in words.
    pub why: String,
}

/// A party's request for a logout: its signature was checked when it came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlLogout {
    /// Whose: an application's or a connection's id.
    pub app: AppId,
    /// Its identifier.
    pub request: String,
    /// When it was written, by the party's clock, in microseconds.
    pub issued_at: i64,
    /// The value of the NameID.
    pub subject: String,
    /// What qualifies it.
    pub form: NameIdForm,
    /// The sessions, by their indexes; none means all of that person's between this party and us.
    pub indexes: Vec<String>,
    /// What the answer gives back.
    pub relay_state: Option<String>,
    /// Whether no answer is wanted.
    pub asynchronous: bool,
    /// Whether it came by POST.
    pub by_post: bool,
    /// What makes all requests of the same size whose names came encrypted.
    pub padding: String,
}

impl SamlLogout {
    /// The room for a name that came encrypted, in bytes of JSON.
    const NAME: usize = 4096;

    /// The same, so that its sealed form does not show how long the name is: that would tell whether it could be decrypted. A
    /// name that is longer than any is that of nobody.
    #[must_use]
    pub fn with_name_of_no_length(mut self) -> Self {
        let length =
            |this: &Self| serde_json::to_string(&(&this.subject, &this.form)).map_or(usize::MAX, |json| json.len());
        if length(&self) > Self::NAME {
            (self.subject, self.form) = (self.request.clone(), NameIdForm::default());
        }
        self.padding = "-".repeat(Self::NAME.saturating_sub(length(&self)));
        self
    }
}

impl SamlHandoff {
    /// Seals it for a URL that is good for a minute.
    ///
    /// # Errors
    /// [`SealError::Unsealable`] when it is too long.
    pub fn seal(&self, app: &App) -> Result<String, SealError> {
        app.sealer.seal(Purpose::SamlHandoff, self, app.clock.now().plus(HANDOFF_LIFE))
    }

    /// Opens a handoff of a sign-in.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open_sign_in(app: &App, text: &str) -> Result<SamlPending, SealError> {
        match app.sealer.open(Purpose::SamlHandoff, text, app.clock.now())? {
            Self::SignIn(pending) => Ok(*pending),
            Self::SignOut(_) | Self::Arrived(_) => Err(SealError::Forged),
        }
    }

    /// Opens a handoff of a logout.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open_sign_out(app: &App, text: &str) -> Result<SamlLogout, SealError> {
        match app.sealer.open(Purpose::SamlHandoff, text, app.clock.now())? {
            Self::SignOut(logout) => Ok(*logout),
            Self::SignIn(_) | Self::Arrived(_) => Err(SealError::Forged),
        }
    }

    /// Opens a handoff of an identity provider's answer.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open_arrived(app: &App, text: &str) -> Result<SamlArrived, SealError> {
        match app.sealer.open(Purpose::SamlHandoff, text, app.clock.now())? {
            Self::Arrived(arrived) => Ok(*arrived),
            Self::SignIn(_) | Self::SignOut(_) => Err(SealError::Forged),
        }
    }
}
