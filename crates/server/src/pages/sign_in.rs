//! The sign-in page (`data-page="sign-in"`).

use askama::Template;

use super::{Csp, FormTargets, Hidden, Moment, Page};

/// Where a person proves who they are. The form posts to `/sign-in`: `username`, `password`, `csrf`, `continue`.
#[derive(Template)]
#[template(path = "sign-in.html")]
pub struct SignIn {
    /// The token that proves that the form came from this browser.
    pub csrf: String,
    /// The sealed handle of what to go on with afterwards.
    pub continue_with: String,
    /// The name of the application that asks; none when the person came by themselves.
    pub application: Option<String>,
    /// What to put into the username field (`login_hint`, or what was typed before).
    pub username: String,
    /// What went wrong with the try before.
    pub problem: Option<Problem>,
    /// Something to say above the form that is no fault of the person.
    pub notice: Option<Notice>,
    /// Whoever is signed in already, when the application asked for a choice: one button goes on as them. Its form posts to
    /// `/sign-in` too, with `csrf`, `continue` and `account=current`.
    pub current: Option<String>,
    /// The identity providers that may be used instead.
    pub connections: Vec<ConnectionLink>,
    /// Where the browser goes when the sign-in is done.
    pub targets: FormTargets,
}

/// An identity provider to sign in with: a link marked `data-connection`.
#[derive(Clone, Debug)]
pub struct ConnectionLink {
    /// The connection's id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Where the link leads.
    pub href: String,
}

/// Why the person sees the form again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Wrong username or password; which of the two is not told.
    WrongNameOrPassword,
    /// Too many tries for this account or from this address.
    TooManyTries {
        /// When the next try will be looked at.
        again_at: Moment,
    },
    /// The form was open for too long, or its cookie is gone.
    FormExpired,
}

impl Problem {
    /// The value of `data-problem`.
    #[must_use]
    pub fn mark(&self) -> &'static str {
        match self {
            Self::WrongNameOrPassword => "wrong-name-or-password",
            Self::TooManyTries { .. } => "too-many-tries",
            Self::FormExpired => "form-expired",
        }
    }
}

/// Something to know before signing in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Somebody is signed in, and the application wants a fresh proof (`prompt=login`, `max_age`).
    AgainPlease,
    /// A session that a hint named lives on elsewhere; signing in leads to where it can be ended.
    ToEndASession,
}

impl SignIn {
    fn hidden(&self) -> [Hidden; 2] {
        [Hidden::new("csrf", &self.csrf), Hidden::new("continue", &self.continue_with)]
    }
}

impl Page for SignIn {
    fn csp(&self) -> String {
        Csp::page().forms(&self.targets).value()
    }
}
