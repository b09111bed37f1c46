//! What comes next for a good authorization request: a page, a code, or an error.

use std::time::Duration;

use acquit_core::Timestamp;

use super::AuthorizeRequest;
use crate::{client::Client, error::ErrorCode, jose::Hint};

/// The browser's live session, as far as it matters to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present<'a> {
    /// Its user, as the client knows them.
    pub subject: &'a str,
    /// When they last proved who they are.
    pub authenticated_at: Timestamp,
    /// How strongly.
    pub acr: Option<&'a str>,
    /// Whether they agreed to these scopes for this client before.
    pub consented: bool,
}

/// What has happened on the way since the request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// When it came. Who signed in after that has signed in for it.
    pub begun_at: Timestamp,
    /// The user has chosen an account.
    pub account_selected: bool,
    /// The user has agreed just now.
    pub consent_given: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The sign-in page.
    Login {
        /// Although somebody is signed in: they prove it once more, or somebody else does.
        reprompt: bool,
    },
    /// The choice between the account that is signed in and another one.
    SelectAccount,
    /// The consent page.
    Consent,
    /// A code.
    Issue,
    /// An error for the client.
    Error(ErrorCode),
}

/// Decides what comes next. `attainable` are the `acr` values that a sign-in here can reach.
#[must_use]
pub fn next(
    request: &AuthorizeRequest,
    client: &Client,
    session: Option<Present<'_>>,
    hint: Option<&Hint>,
    progress: Progress,
    attainable: &[&str],
    now: Timestamp,
) -> Next {
    let silent = request.prompt.none;
    let interact = |page: Next, code: ErrorCode| if silent { Next::Error(code) } else { page };

    let essential = request.claims.essential_acr();
    if essential.is_some_and(|values| !values.iter().any(|acr| attainable.contains(&acr.as_str()))) {
        // OpenID Connect Core section 5.5.1.1: no page could satisfy it.
        return Next::Error(ErrorCode::UnmetAuthenticationRequirements);
    }
    let Some(session) = session else {
        return interact(Next::Login { reprompt: false }, ErrorCode::LoginRequired);
    };
    // Whoever has just signed in for this request is not asked to do so again, which would never end.
    let fresh = session.authenticated_at >= progress.begun_at;

    let wanted = hint.map(|hint| hint.subject.as_str()).or(request.claims.subject());
    if wanted.is_some_and(|subject| subject != session.subject) {
        return if fresh {
            Next::Error(ErrorCode::LoginRequired) // section 3.1.2.2: signed in, but as somebody else
        } else {
            interact(Next::Login { reprompt: true }, ErrorCode::LoginRequired)
        };
    }
    if let Some(values) = essential
        && !session.acr.is_some_and(|acr| values.iter().any(|value| value == acr))
    {
        return if fresh {
            Next::Error(ErrorCode::UnmetAuthenticationRequirements)
        } else {
            interact(Next::Login { reprompt: true }, ErrorCode::LoginRequired)
        };
    }
    let stale = request.max_age.is_some_and(|seconds| {
        now.since(session.authenticated_at) > Duration::from_secs(seconds.into()) || seconds == 0
    });
    if (request.prompt.login || stale) && !fresh {
        return interact(Next::Login { reprompt: true }, ErrorCode::LoginRequired);
    }
    // Who signed in for this request has chosen the account by that.
    if request.prompt.select_account && !progress.account_selected && !fresh {
        return interact(Next::SelectAccount, ErrorCode::AccountSelectionRequired);
    }
    if (request.prompt.consent || client.consent && !session.consented) && !progress.consent_given {
        return interact(Next::Consent, ErrorCode::ConsentRequired);
    }
    Next::Issue
}

#[cfg(test)]
mod tests;
