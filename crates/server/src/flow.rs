//! What a person was on the way to when they had to stop at one of our pages, sealed into that page's URL.

mod saml;

use std::time::Duration;

use acquit_core::{AppId, ConnectionId, SessionId, Timestamp, UserId, participant::NameIdForm};
use acquit_oidc::{authorize::AuthorizeRequest, params::Params};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::{
    App,
    door::DoorError,
    gateway::{self, trip::RouteTrip},
    respond,
    seal::{Purpose, SealError},
};

pub use saml::{SamlArrived, SamlHandoff, SamlLogout, SamlNobody, SamlPerson};

/// How long a person may take to sign in.
const FLOW_LIFE: Duration = Duration::from_secs(30 * 60);
/// How long a browser may take to follow one redirect.
pub(crate) const HANDOFF_LIFE: Duration = Duration::from_secs(60);

/// Where to go on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Flow {
    /// An authorization request that waits.
    Authorize(Box<Pending>),
    /// A SAML application's request that waits.
    Saml(Box<SamlPending>),
    /// A broker application's request that waits for an identity provider.
    Broker(Box<BrokerPending>),
    /// A route of the gateway that waits.
    Route(Box<RouteTrip>),
    /// The person's own sessions.
    Account,
}

/// A broker application's request for a person of a connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BrokerPending {
    /// Whose.
    pub app: AppId,
    /// Whose people.
    pub connection: ConnectionId,
    /// Where the answer goes.
    pub redirect_uri: String,
    /// What the answer gives back.
    pub state: Option<String>,
    /// The proof key's challenge, by S256.
    pub code_challenge: Option<String>,
    /// When the request came, in microseconds: only a sign-in after that counts.
    pub begun_at: i64,
}

impl BrokerPending {
    /// When the request came.
    #[must_use]
    pub fn begun_at(&self) -> Timestamp {
        Timestamp::from_micros(self.begun_at)
    }
}

/// A SAML request for an assertion that waits for a sign-in. It was verified when it came; what is kept is what it asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlPending {
    /// Whose.
    pub app: AppId,
    /// Its identifier; none when nobody asked.
    pub request: Option<String>,
    /// Where the answer goes, as it was registered when the request came.
    pub acs: String,
    /// Whether the answer goes there by an artifact.
    pub artifact: bool,
    /// What the answer gives back.
    pub relay_state: Option<String>,
    /// Whether a sign-in from before the request does not count.
    pub force: bool,
    /// Whether nothing may be shown to the person.
    pub passive: bool,
    /// The wanted format of the name.
    pub format: Option<String>,
    /// When it came first, in microseconds.
    pub begun_at: i64,
    /// The name of the application, for the page.
    pub application: String,
    /// Whom the assertion must be about, if the request names somebody.
    pub subject: Option<SamlSubject>,
    /// Who should sign in, as people know them.
    pub login_hint: Option<String>,
    /// Whether the application signed the request.
    pub signed: bool,
    /// Whether somebody signed in must prove again who they are.
    pub reprompt: bool,
}

/// A person as a SAML application names them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlSubject {
    /// The value of the NameID.
    pub value: String,
    /// What qualifies it.
    pub form: NameIdForm,
}

impl SamlPending {
    /// When the request came first.
    #[must_use]
    pub fn begun_at(&self) -> Timestamp {
        Timestamp::from_micros(self.begun_at)
    }

    /// Until when its sealed form is good: for that long it may come again.
    #[must_use]
    pub fn good_until(&self) -> Timestamp {
        self.begun_at().plus(FLOW_LIFE)
    }
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_selected_in: Option<SessionId>,
    /// Who agreed, for `prompt=consent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_given_by: Option<UserId>,
    /// The name of the application, for the page.
    pub application: String,
    /// Whether somebody signed in must prove again who they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reprompt: bool,
}

impl Flow {
    /// Seals it for a URL. However often it is sealed anew, it ends with the time that the person had: otherwise one who
    /// keeps it alive could have a sign-in of long ago count as the fresh one that `prompt=login` asks for.
    ///
    /// # Errors
    /// [`SealError::Unsealable`] when it is too long.
    pub fn seal(&self, app: &App) -> Result<String, SealError> {
        app.sealer.seal(Purpose::Flow, self, self.expires_at(app.clock.now()))
    }

    fn expires_at(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Authorize(pending) => pending.begun_at().plus(FLOW_LIFE),
            Self::Saml(pending) => pending.good_until(),
            Self::Broker(pending) => pending.begun_at().plus(FLOW_LIFE),
            Self::Route(trip) => trip.good_until(),
            Self::Account => now.plus(FLOW_LIFE),
        }
    }

    /// Whether a sign-in of long ago does not do, so that a provider must have the person prove again who they are.
    #[must_use]
    pub fn wants_proof(&self) -> bool {
        match self {
            Self::Authorize(pending) => pending.wants_proof(),
            Self::Saml(pending) => pending.force || pending.reprompt,
            Self::Broker(_) | Self::Route(_) | Self::Account => false,
        }
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
            Self::Saml(_) => format!("/saml/sso?flow={}", self.seal(app)?),
            Self::Broker(_) => format!("/sso/authorize?flow={}", self.seal(app)?),
            Self::Route(_) => format!("{}?flow={}", gateway::SIGN_IN, self.seal(app)?),
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

    /// Whether a sign-in of long ago does not do.
    fn wants_proof(&self) -> bool {
        self.reprompt || self.request.prompt.login || self.request.max_age.is_some()
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

    /// The parameters of a GET on `path`, or those that were posted there if it goes on with them.
    ///
    /// # Errors
    /// [`DoorError`]: what cannot be read, or a handoff that is forged, expired or of another path.
    pub fn parameters(app: &App, path: &str, params: Params) -> Result<Params, DoorError> {
        match params.get("handoff") {
            Some(sealed) => Ok(Params::parse(Self::open(app, path, sealed)?.parameters.as_bytes())?),
            None => Ok(params),
        }
    }

    /// Goes on with what was posted to `path`, by a GET.
    ///
    /// # Errors
    /// [`SealError::Unsealable`] when it is too long.
    pub fn go_on(app: &App, path: &str, params: &Params) -> Result<Response, SealError> {
        let handoff = Self { path: path.to_owned(), parameters: params.encode() };
        Ok(respond::see_other(&format!("{path}?handoff={}", handoff.seal(app)?)))
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
