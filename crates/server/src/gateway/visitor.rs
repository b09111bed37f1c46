//! The browser at the host of a route: what its cookies there say.

use std::sync::Arc;

use acquit_gateway::{
    cookie::{self, CookieError},
    hygiene::cookies,
    identity::Identity,
    origin::Origin,
    standing::Verdict,
};
use axum::http::{HeaderMap, HeaderValue};

use crate::{
    App,
    cookies::{header_of, once, ours},
    door::DoorError,
    random,
};

/// What the tags that stand for a browser's secret are for.
const SECRET: &str = "route browser";
/// How long a secret of ours is, in characters.
const SECRET_LENGTH: usize = 43;
/// The cookie that a request forged by another site cannot have in hand.
pub const CSRF: &str = "_pomerium_csrf";

/// The name of the cookie that binds a sign-in to the browser that began it.
#[must_use]
pub fn browser_cookie(origin: &Origin) -> &'static str {
    if origin.is_https() { "__Host-acquit-route-browser" } else { "acquit-route-browser" }
}

/// How many cookies of one name are looked at, as on the data path: on loopback those of other ports come too.
const MAX_COOKIES: usize = 4;

/// Whose route cookie came with a request, if it was made here for this origin and its session is not too old. It says nothing of
/// whether the session lives.
#[must_use]
pub fn identity(app: &App, origin: &Origin, headers: &HeaderMap) -> Option<Arc<Identity>> {
    let now = app.clock.now();
    let mut values = cookies::values(headers, cookie::name(origin)).take(MAX_COOKIES);
    values.find_map(|value| app.gate.cookies().open(origin, value, now))
}

/// The identity whose session is known to live now, and who is described as they are.
///
/// # Errors
/// [`DoorError::Unavailable`] when that cannot be known.
pub async fn signed_in(app: &App, origin: &Origin, headers: &HeaderMap) -> Result<Option<Arc<Identity>>, DoorError> {
    let Some(identity) = identity(app, origin, headers) else { return Ok(None) };
    Ok((verdict(app, &identity).await? == Verdict::Good).then_some(identity))
}

/// What an identity is worth, asking the store where this node does not know.
///
/// # Errors
/// [`DoorError::Unavailable`] when the store does not answer either.
pub async fn verdict(app: &App, identity: &Identity) -> Result<Verdict, DoorError> {
    let standing = app.gate.standing();
    let verdict = standing.of(identity);
    if verdict != Verdict::Unsure {
        return Ok(verdict);
    }
    app.gate.refresh(&app.store).await?;
    Ok(standing.of(identity))
}

/// The `Set-Cookie` that lets a person in at this origin, until the browser closes or the session ends.
///
/// # Errors
/// [`DoorError`] when the person has more groups than fit.
pub fn let_in(app: &App, origin: &Origin, identity: &Identity) -> Result<HeaderValue, DoorError> {
    match app.gate.cookies().seal(origin, identity) {
        Ok(value) => Ok(set(origin, cookie::name(origin), value)),
        Err(CookieError::TooLong) => {
            tracing::warn!(user = %identity.user, host = origin.authority(), "somebody has too many groups for a cookie");
            Err(DoorError::Forbidden(
                "you are in more groups than can be told to this app; ask your administrator to map fewer of them",
            ))
        }
        Err(error) => Err(DoorError::Internal(error.to_string())),
    }
}

/// A secret of a browser at an origin, under the name of one of its cookies, and the `Set-Cookie` for one that had none.
///
/// # Errors
/// [`DoorError::Internal`].
pub fn secret(
    headers: &HeaderMap,
    origin: &Origin,
    name: &'static str,
) -> Result<(String, Option<HeaderValue>), DoorError> {
    if let Some(known) = known_secret(headers, name) {
        return Ok((known, None));
    }
    let fresh = random::secret()?;
    Ok((fresh.clone(), Some(set(origin, name, fresh))))
}

/// The secret of a browser under the name of one of its cookies, if it has one.
#[must_use]
pub fn known_secret(headers: &HeaderMap, name: &str) -> Option<String> {
    once(headers, name).filter(|value| value.len() == SECRET_LENGTH)
}

/// What stands for a browser where others may look.
#[must_use]
pub fn tag(app: &App, origin: &Origin, secret: &str) -> String {
    app.sealer.tag(SECRET, &[origin.authority(), secret])
}

/// Whether a browser at this origin is the one that a [`tag`] stands for. Compared in constant time.
#[must_use]
pub fn is_tagged(app: &App, origin: &Origin, headers: &HeaderMap, tag: &str) -> bool {
    known_secret(headers, browser_cookie(origin))
        .is_some_and(|secret| app.sealer.tag_matches(SECRET, &[origin.authority(), &secret], tag))
}

fn set(origin: &Origin, name: &'static str, value: String) -> HeaderValue {
    header_of(&ours(name, value, origin.is_https()).build())
}

/// The `Set-Cookie` headers that take all of ours away at this origin.
#[must_use]
pub fn clear(origin: &Origin) -> Vec<HeaderValue> {
    let gone = |name| {
        let cookie = ours(name, String::new(), origin.is_https()).max_age(::cookie::time::Duration::ZERO);
        header_of(&cookie.build())
    };
    [cookie::name(origin), browser_cookie(origin), CSRF].map(gone).to_vec()
}
