//! A browser's trip to an identity provider and back: what was asked there and where the browser goes then, sealed, so that a
//! request of nobody writes nothing: into the `state` of OpenID Connect, for SAML into a cookie. It is good once, for a while, and
//! in the browser that left.

use std::time::Duration;

use acquit_core::{ConnectionId, SessionId};
use acquit_oidc::rp::authorize::{AuthorizationRequest, AuthorizationRequestError, DomainParameter};
use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use serde::{Deserialize, Serialize};

use super::{
    provider::{Unreachable, discover},
    saml::authn_request::{self, NotAsked},
};
use crate::{
    App,
    browser::Browser,
    cookies::Name,
    door::DoorError,
    flow::Flow,
    random, respond,
    seal::{Purpose, SealError},
    settings::{Connection, broker::UpstreamProvider},
};

/// How long a person may take at their provider.
const LIFE: Duration = Duration::from_secs(30 * 60);
const DEVICE: &str = "trip";

/// What waits for the browser to come back.
#[derive(Clone, Serialize, Deserialize)]
pub struct Trip {
    /// Through which connection.
    pub connection: ConnectionId,
    /// What was asked there.
    pub asked: Asked,
    /// Where the browser goes then.
    pub flow: Flow,
    /// When the browser left, in microseconds.
    #[serde(default)]
    pub left_at: i64,
    /// The session that it had then.
    #[serde(default)]
    pub left: Option<SessionId>,
    /// Which browser left.
    device: String,
}

/// What was asked of a provider, which its answer must fit.
#[derive(Clone, Serialize, Deserialize)]
pub enum Asked {
    /// An authorization request.
    Oidc {
        /// Its `nonce`.
        nonce: String,
        /// Its PKCE verifier.
        verifier: String,
    },
    /// An AuthnRequest.
    Saml {
        /// Its identifier.
        request: String,
        /// When it was sent, in microseconds, if only a sign-in after that counts.
        forced_at: Option<i64>,
    },
}

/// What the asker wants of the provider.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// `prompt`.
    pub prompt: Option<String>,
    /// Who is expected.
    pub login_hint: Option<String>,
    /// The domain whose people are expected.
    pub domain_hint: Option<String>,
    /// Scopes instead of the connection's own.
    pub scopes: Option<Vec<String>>,
    /// Parameters of the provider's own.
    pub free: Vec<(String, String)>,
}

/// Why a trip does not begin.
#[derive(Debug, thiserror::Error)]
pub enum NoTrip {
    /// The provider cannot be asked now.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// It cannot be asked so.
    #[error(transparent)]
    Request(#[from] AuthorizationRequestError),
    /// It cannot be asked by SAML.
    #[error(transparent)]
    Saml(#[from] NotAsked),
    /// Its answer could be anybody's. The operator must give the connection a callback of its own, or the provider must say
    /// that its answers carry `iss` (RFC 9207).
    #[error("the identity provider does not say that its answers carry `iss`, which the shared callback needs")]
    NoIss,
    /// Ours to say.
    #[error(transparent)]
    Door(#[from] DoorError),
}

/// Our callback for a connection: its own (RFC 9700 section 4.4), unless its provider says who answers and the operator chose
/// the shared one.
#[must_use]
pub fn callback(app: &App, connection: &Connection) -> String {
    connection.urls(app.issuer()).callback
}

/// Sends the browser to the provider of a connection.
///
/// # Errors
/// [`NoTrip`].
pub async fn leave(
    app: &App,
    headers: &HeaderMap,
    connection: &Connection,
    flow: Flow,
    wishes: &Wishes,
) -> Result<Response, NoTrip> {
    let oidc = match &connection.provider {
        UpstreamProvider::Oidc(oidc) => oidc,
        UpstreamProvider::Saml(saml) => {
            return authn_request::leave(app, headers, (connection, saml), flow, wishes).await;
        }
    };
    let provider = discover(app, oidc).await?;
    if oidc.shared_callback && !provider.sends_iss {
        return Err(NoTrip::NoIss);
    }
    let (nonce, verifier) = (secret()?, secret()?);
    let asked = Asked::Oidc { nonce: nonce.clone(), verifier: verifier.clone() };
    let (trip, fresh) = Trip::begin(app, headers, &connection.id, asked, flow).await?;
    let state = trip.seal(app).map_err(DoorError::from)?;
    let redirect_uri = callback(app, connection);
    // An application may name the prompt among the provider's own parameters: then that is the one.
    let named = wishes.free.iter().any(|(name, _)| name.eq_ignore_ascii_case("prompt"));
    let prompt = prompt(oidc.prompt.as_deref().filter(|_| !named), wishes.prompt.as_deref());
    let free = parameters(&oidc.parameters, &wishes.free);
    let scopes = wishes.scopes.as_deref().unwrap_or(&oidc.scopes);
    let request = AuthorizationRequest {
        scopes,
        prompt: prompt.as_deref(),
        login_hint: wishes.login_hint.as_deref(),
        domain: wishes.domain_hint.as_deref().map(|domain| (DomainParameter::DomainHint, domain)),
        free: &free,
        ..AuthorizationRequest::new(&oidc.client_id, &redirect_uri, &state, &nonce, &verifier)
    };
    let mut response = respond::see_other(&request.url(&provider)?);
    if let Some(cookie) = fresh {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// What the connection always asks for, and what is asked for this time: `login consent`.
fn prompt(always: Option<&str>, now: Option<&str>) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    for word in [now, always].into_iter().flatten().flat_map(|words| words.split(' ')) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    (!words.is_empty()).then(|| words.join(" "))
}

/// The connection's own parameters, and those of this request, which win.
fn parameters(always: &[(String, String)], now: &[(String, String)]) -> Vec<(String, String)> {
    let replaced = |name: &str| now.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    always.iter().filter(|(name, _)| !replaced(name)).chain(now).cloned().collect()
}

fn secret() -> Result<String, DoorError> {
    Ok(random::secret()?)
}

impl Trip {
    /// A trip of this browser, with the cookie by which it is known if it had none.
    ///
    /// # Errors
    /// [`DoorError::Internal`], [`DoorError::Unavailable`].
    pub(super) async fn begin(
        app: &App,
        headers: &HeaderMap,
        connection: &ConnectionId,
        asked: Asked,
        flow: Flow,
    ) -> Result<(Self, Option<HeaderValue>), DoorError> {
        let (device, fresh) = match app.cookies.read(headers, Name::Browser) {
            Some(device) => (device, None),
            None => {
                let device = secret()?;
                let cookie = app.cookies.set(Name::Browser, &device);
                (device, Some(cookie))
            }
        };
        let device = app.sealer.tag(DEVICE, &[&device]);
        let left_at = app.clock.now().as_micros();
        let left = Browser::look_up(app, headers).await?.session.map(|view| view.session.id);
        Ok((Self { connection: connection.clone(), asked, flow, left_at, left, device }, fresh))
    }

    /// Seals it for the way.
    ///
    /// # Errors
    /// [`SealError::Unsealable`] when it is too long.
    pub(super) fn seal(&self, app: &App) -> Result<String, SealError> {
        app.sealer.seal(Purpose::Trip, self, app.clock.now().plus(LIFE))
    }

    /// The trip that a `state` is of, if this browser began it. It is used up only by [`Trip::finish`].
    ///
    /// # Errors
    /// [`DoorError::Expired`] when it is not, or it took too long.
    pub fn open(app: &App, headers: &HeaderMap, state: &str) -> Result<Self, DoorError> {
        let trip: Self = app.sealer.open(Purpose::Trip, state, app.clock.now())?;
        let device = app.cookies.read(headers, Name::Browser).ok_or(DoorError::Expired)?;
        // Somebody else's answer in this browser would sign its person in as somebody else (RFC 9700 section 4.7).
        if app.sealer.tag_matches(DEVICE, &[&device], &trip.device) { Ok(trip) } else { Err(DoorError::Expired) }
    }

    /// Uses the trip up: its answer is taken once.
    ///
    /// # Errors
    /// [`DoorError::Expired`] when it was taken before.
    pub async fn finish(&self, app: &App) -> Result<(), DoorError> {
        let until = app.clock.now().plus(LIFE);
        let (Asked::Oidc { nonce: name, .. } | Asked::Saml { request: name, .. }) = &self.asked;
        let first = app.store.remember_once("trip", &random::hash(name), until).await?;
        if first { Ok(()) } else { Err(DoorError::Expired) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_connection_always_asks_for_goes_with_what_is_asked_this_time() {
        assert_eq!(prompt(None, None), None);
        assert_eq!(prompt(Some("consent"), None).as_deref(), Some("consent"));
        assert_eq!(prompt(Some("consent"), Some("login")).as_deref(), Some("login consent"));
        assert_eq!(prompt(Some("consent"), Some("consent")).as_deref(), Some("consent"));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let always = [pair("access_type", "offline"), pair("hd", "a.example")];
        assert_eq!(
            parameters(&always, &[pair("HD", "b.example")]),
            [pair("access_type", "offline"), pair("HD", "b.example")]
        );
    }
}
