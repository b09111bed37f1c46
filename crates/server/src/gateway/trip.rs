//! A browser's trip from a route to its sign-in and back, sealed into URLs, so that requests of nobody write nothing: what goes
//! there (the state), and what comes back with it (the code).

use std::time::Duration;

use acquit_core::Timestamp;
use acquit_gateway::{identity::Identity, origin::Origin};
use acquit_oidc::jose::{encode, sha256};
use serde::{Deserialize, Serialize};

use crate::{
    App, random,
    seal::{Purpose, SealError},
};

/// How long a person may take to sign in.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// How long a browser may take from the sign-in back to the route.
const CODE_LIFE: Duration = Duration::from_secs(60);
/// The longest path and query that a person comes back to, in bytes: what is sealed of it travels in URLs and cookies that have
/// little room, through whatever is between.
const MAX_PATH: usize = 1500;

/// A trip to the sign-in of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTrip {
    /// The route's origin.
    #[serde(rename = "r")]
    route: String,
    /// The path and query there to come back to.
    #[serde(rename = "p")]
    path: String,
    /// The tag of the browser that left.
    #[serde(rename = "b")]
    browser: String,
    /// When it left, in microseconds.
    #[serde(rename = "t")]
    begun_at: i64,
}

impl RouteTrip {
    /// A trip of the browser of this tag, which wants to come back to `path`.
    #[must_use]
    pub fn begin(origin: &Origin, path: &str, browser: String, now: Timestamp) -> Self {
        let without_query = path.split('?').next().unwrap_or_default();
        let fits = |path: &&str| path.starts_with('/') && path.len() <= MAX_PATH;
        let path = [path, without_query].into_iter().find(fits).unwrap_or("/").to_owned();
        Self { route: origin.to_string(), path, browser, begun_at: now.as_micros() }
    }

    /// Seals it for a URL: `state`.
    ///
    /// # Errors
    /// [`SealError::Unsealable`].
    pub fn seal(&self, app: &App) -> Result<String, SealError> {
        app.sealer.seal(Purpose::RouteTrip, self, self.good_until())
    }

    /// Opens a `state`.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(app: &App, state: &str) -> Result<Self, SealError> {
        app.sealer.open(Purpose::RouteTrip, state, app.clock.now())
    }

    /// Until when it is good.
    #[must_use]
    pub fn good_until(&self) -> Timestamp {
        Timestamp::from_micros(self.begun_at).plus(LIFE)
    }

    /// The origin that it is of, if that is one of a route still.
    #[must_use]
    pub fn origin(&self, app: &App) -> Option<Origin> {
        let origin = Origin::parse(&self.route).ok()?;
        app.gate.routes().origin(origin.authority()).filter(|known| **known == origin).cloned()
    }

    /// The text of its origin.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.route
    }

    /// What the app is called.
    #[must_use]
    pub fn label(&self, app: &App) -> String {
        self.origin(app).map_or_else(|| self.route.clone(), |origin| app.clients.name(&origin.app()))
    }

    /// Whether it is of this origin.
    #[must_use]
    pub fn is_of(&self, origin: &Origin) -> bool {
        self.route == origin.to_string()
    }

    /// The tag of the browser that left.
    #[must_use]
    pub fn browser(&self) -> &str {
        &self.browser
    }

    /// Where it ends.
    #[must_use]
    pub fn destination(&self) -> String {
        format!("{}{}", self.route, self.path)
    }
}

/// Who came to a route: good once, for a minute, with its `state` and for its route only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteCode {
    /// Who.
    #[serde(rename = "i")]
    pub identity: Identity,
    /// The route's origin.
    #[serde(rename = "r")]
    route: String,
    /// The hash of the state that it goes with.
    #[serde(rename = "s")]
    state: String,
    /// What is remembered of it.
    #[serde(rename = "n")]
    nonce: String,
}

impl RouteCode {
    /// Seals who came to a route, for the URL that goes there with `state`: `code`.
    ///
    /// # Errors
    /// [`SealError::Unsealable`].
    pub fn seal(app: &App, identity: Identity, origin: &Origin, state: &str) -> Result<String, SealError> {
        let now = app.clock.now();
        let nonce = random::secret_at(now).map_err(|_| SealError::Unsealable)?;
        let code = Self { identity, route: origin.to_string(), state: fingerprint(state), nonce };
        app.sealer.seal(Purpose::RouteCode, &code, now.plus(CODE_LIFE))
    }

    /// Opens a code that came to `origin` with `state`. It is used up by [`RouteCode::take`].
    ///
    /// # Errors
    /// [`SealError`]; one of another route or with another state is forged.
    pub fn open(app: &App, code: &str, origin: &Origin, state: &str) -> Result<Self, SealError> {
        let code: Self = app.sealer.open(Purpose::RouteCode, code, app.clock.now())?;
        let fits = code.route == origin.to_string() && code.state == fingerprint(state);
        if fits { Ok(code) } else { Err(SealError::Forged) }
    }

    /// Uses it up; false when it was used before.
    ///
    /// # Errors
    /// [`acquit_store::StoreError`]: then it must not be taken.
    pub async fn take(&self, app: &App) -> Result<bool, acquit_store::StoreError> {
        let until = app.clock.now().plus(CODE_LIFE);
        app.store.remember_once("route-code", &random::hash(&self.nonce), until).await
    }
}

fn fingerprint(state: &str) -> String {
    encode(&sha256(state.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trip_ends_at_its_own_origin_and_drops_what_is_too_long_to_carry() {
        let origin = Origin::parse("https://a.example.com").unwrap();
        let end = |path: &str| RouteTrip::begin(&origin, path, String::new(), Timestamp::default()).destination();
        assert_eq!(end("/x?y=1&z=%20"), "https://a.example.com/x?y=1&z=%20");
        assert_eq!(end("//evil.example/x"), "https://a.example.com//evil.example/x");
        assert_eq!(end("@evil.example"), "https://a.example.com/");
        assert_eq!(end(""), "https://a.example.com/");
        assert_eq!(end(&format!("/x?{}", "y".repeat(2000))), "https://a.example.com/x");
        assert_eq!(end(&format!("/{}", "y".repeat(2000))), "https://a.example.com/");
    }
}
