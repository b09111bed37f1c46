//! RP-Initiated Logout 1.0 as a decision: what a request to the end-session endpoint does.
//!
//! Which session ends is decided by the browser's cookie. A hint proves that the request is about that session; without
//! such a proof the person is asked (RPI-16, RPI-28). A request with a mistake in it changes nothing and redirects
//! nowhere (RPI-25, RPI-27). That the request is a top-level navigation by a person, no prefetch and no frame, is for
//! the door to see before it acts on a [`Decision`].

use crate::{
    client::{Client, Confirm, SingleLogout},
    jose::{Hint, HintError},
};

mod request;
mod target;

pub use request::EndSessionRequest;
pub use target::Target;

/// What is known when a request is decided on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What checking the request's hint gave; `None` when it has none.
    pub hint: Option<&'a Result<Hint, HintError>>,
    /// The client that [`EndSessionRequest::client_to_look_up`] names, if there is one of that name now.
    pub client: Option<&'a Client>,
    /// The browser's live session.
    pub session: Option<BrowserSession<'a>>,
    /// Whether the session that a valid hint names lives at all, in whatever browser.
    pub hint_session_lives: bool,
}

/// The live session of the browser that sent the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrowserSession<'a> {
    /// Its user, as the client knows them.
    pub subject: &'a str,
    /// Its `sid` at the client that was looked up; `None` when that client takes no part in it.
    pub sid: Option<&'a str>,
}

/// What the request does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A page with status 400 that says which parameter is wrong; no redirect, nothing changes. It may still offer to
    /// sign out.
    Error(Mistake),
    /// The person is asked; on yes, what is in here is done.
    Ask {
        /// What yes does.
        sign_out: SignOut,
        /// Why there is a question.
        because: Because,
    },
    /// The session ends at once.
    SignOut(SignOut),
    /// Nobody is signed in in this browser: no error (RPI-26), nothing changes.
    AlreadyOut {
        /// Where the browser goes; without it, to the page that says that nobody is signed in.
        redirect: Option<Target>,
        /// The hint's session lives elsewhere: to be logged, and never called signed out.
        hint_session_lives: bool,
    },
    /// The hint's session lives, this browser has no part in it, and there is nowhere to redirect to: the page offers to
    /// sign in to end it.
    OfferSignIn,
}

/// A sign-out that may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOut {
    /// Where the browser goes when it is done; without it, to the signed-out page.
    pub redirect: Option<Target>,
    /// The client that asked, if it is known.
    pub client_id: Option<String>,
    /// How far it reaches.
    pub reach: SingleLogout,
}

/// Why a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// There is no hint.
    NoHint,
    /// The hint is of another user.
    OtherUser,
    /// The hint is of another session of this user, perhaps one that is long over (RPI-14).
    OtherSession,
    /// The client's policy says so.
    Policy,
}

/// A mistake in a request, in words for its sender's developer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter} {why}")]
pub struct Mistake {
    /// Which parameter.
    pub parameter: &'static str,
    /// What is wrong with it, as the end of a sentence.
    pub why: String,
}

impl Mistake {
    fn new(parameter: &'static str, why: impl Into<String>) -> Self {
        Self { parameter, why: why.into() }
    }
}

/// Decides on a request.
#[must_use]
pub fn decide(request: &EndSessionRequest, situation: Situation<'_>) -> Decision {
    match check(request, situation) {
        Ok((hint, redirect)) => settle(situation, hint, redirect),
        Err(mistake) => Decision::Error(mistake), // RPI-27
    }
}

type Checked<'a> = (Option<&'a Hint>, Option<Target>);

/// Every check that can find a mistake; none of them looks at the session.
fn check<'a>(request: &EndSessionRequest, situation: Situation<'a>) -> Result<Checked<'a>, Mistake> {
    let hint = match situation.hint {
        None => None,
        Some(Ok(hint)) => Some(hint), // RPI-13: an expired one too
        Some(Err(why)) => return Err(Mistake::new("id_token_hint", format!("is not usable: {why}"))), // RPI-12, RPI-25
    };
    if let (Some(hint), Some(client_id)) = (hint, &request.client_id)
        && hint.client_id != *client_id
    {
        return Err(Mistake::new("client_id", "is not the client that id_token_hint was issued to")); // RPI-6
    }
    // A lookup that answers with somebody else's registration must not open a door.
    let named = request.client_to_look_up(hint);
    let client = situation.client.filter(|client| named == Some(client.client_id.as_str()));
    if named.is_some() && client.is_none() {
        return Err(if hint.is_some() {
            Mistake::new("id_token_hint", "was issued to a client that is not known any more")
        } else {
            Mistake::new("client_id", "is not known")
        });
    }
    if let (Some(state), Some(client)) = (&request.state, client) {
        let least = client.state_min_length;
        if state.chars().count() < least {
            return Err(Mistake::new("state", format!("must have at least {least} characters"))); // Login.gov's rule
        }
    }
    let redirect = match (&request.post_logout_redirect_uri, client) {
        (None, _) => None,
        (Some(_), None) => {
            // RPI-22: nothing says whose URI it is.
            return Err(Mistake::new("post_logout_redirect_uri", "needs client_id or id_token_hint"));
        }
        (Some(uri), Some(client)) => match Target::of(client, uri, request.state.as_deref()) {
            Some(target) => Some(target),
            None => return Err(Mistake::new("post_logout_redirect_uri", "is not registered for this client")), // RPI-9, RPI-23
        },
    };
    Ok((hint, redirect))
}

fn settle(situation: Situation<'_>, hint: Option<&Hint>, redirect: Option<Target>) -> Decision {
    let Some(session) = situation.session else {
        let lives = hint.is_some() && situation.hint_session_lives;
        return if lives && redirect.is_none() {
            Decision::OfferSignIn
        } else {
            Decision::AlreadyOut { redirect, hint_session_lives: lives } // RPI-26
        };
    };
    let doubt = doubt(session, hint);
    let policy = situation.client.map(|client| client.confirm).unwrap_or_default();
    let sign_out = SignOut {
        redirect,
        client_id: situation.client.map(|client| client.client_id.clone()),
        reach: reach(situation.client, doubt),
    };
    match (doubt, policy) {
        (Some(because), _) => Decision::Ask { sign_out, because }, // RPI-16; `never` does not reach here
        (None, Confirm::Always) => Decision::Ask { sign_out, because: Because::Policy }, // RPI-15
        (None, Confirm::WhenNeeded | Confirm::Never) => Decision::SignOut(sign_out),
    }
}

/// What keeps the request from being proved to be about the browser's session (RPI-14, RPI-16).
fn doubt(session: BrowserSession<'_>, hint: Option<&Hint>) -> Option<Because> {
    let Some(hint) = hint else { return Some(Because::NoHint) };
    if hint.subject != session.subject {
        return Some(Because::OtherUser);
    }
    match (&hint.sid, session.sid) {
        (Some(of_hint), Some(of_session)) if of_hint == of_session => None,
        _ => Some(Because::OtherSession),
    }
}

/// How far a sign-out reaches. Anybody may write a `client_id`; only a hint of this user proves the client that was
/// given all of the user's sessions.
fn reach(client: Option<&Client>, doubt: Option<Because>) -> SingleLogout {
    let reach = client.map(|client| client.single_logout).unwrap_or_default();
    match (reach, doubt) {
        (SingleLogout::User, Some(Because::NoHint | Because::OtherUser)) => SingleLogout::Session,
        _ => reach,
    }
}

#[cfg(test)]
mod tests;
