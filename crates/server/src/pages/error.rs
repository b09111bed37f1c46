//! The error page (`data-page="error"`): which parameter, and why, in plain words. Never a redirect.

use askama::Template;

use super::{Csp, Moment, Page};

/// Something that cannot go on. The status is the door's: 400 for a protocol error.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// What kind of trouble: chooses the headline and what a person can do.
    pub kind: Kind,
    /// The parameter at fault, by its name in the specification.
    pub parameter: Option<String>,
    /// Why, in one sentence that an application's developer can act on.
    pub reason: String,
    /// The name of the application that sent the person here, when that is known for sure.
    pub application: Option<String>,
    /// Where a person may sign out anyway (`data-sign-out`); a plain link, which asks before it acts.
    pub sign_out: Option<String>,
    /// Where a person goes on who is on the way out (`data-continue`).
    pub onward: Option<String>,
    /// What support may ask for.
    pub reference: Option<String>,
}

/// The kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request is wrong; the application's developer must act.
    BadRequest,
    /// The page was open for too long, or was used before; the person starts again.
    Expired,
    /// There is nothing here, or no longer.
    NotFound,
    /// The person may not do this.
    Forbidden,
    /// Too many requests; the person waits.
    TooMany(Option<Moment>),
    /// Acquit's own fault; its operator must act.
    Internal,
    /// Acquit cannot answer now; the person tries again soon.
    Unavailable,
}

impl Kind {
    fn headline(self) -> &'static str {
        match self {
            Self::BadRequest => "This request cannot be used",
            Self::Expired => "This page has expired",
            Self::NotFound => "There is nothing here",
            Self::Forbidden => "You may not do this",
            Self::TooMany(_) => "Too many requests",
            Self::Internal => "Something broke on our side",
            Self::Unavailable => "Not available right now",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::BadRequest => {
                "You did nothing wrong: the application that sent you here made a mistake. Nothing was changed."
            }
            Self::Expired => "Nothing was changed. Go back to where you came from and start again.",
            Self::NotFound => "The address may be mistyped, or what was here is no longer kept.",
            Self::Forbidden => "Nothing was changed.",
            Self::TooMany(_) => "Nothing was changed. Wait a little, then try again.",
            Self::Internal => {
                "Nothing was reported as done that was not done. Try again; if it stays, tell your administrator."
            }
            Self::Unavailable => "Nothing was reported as done that was not done. Try again in a moment.",
        }
    }

    fn again_at(self) -> Option<Moment> {
        if let Self::TooMany(at) = self { at } else { None }
    }
}

impl Page for ErrorPage {
    fn csp(&self) -> String {
        Csp::page().value()
    }
}
