//! The page for somebody who is signed in and may not open an app behind the gateway (`data-page="forbidden"`).

use askama::Template;

use super::{Csp, Page};

/// Who they are there, and what they can do.
#[derive(Template)]
#[template(path = "forbidden.html")]
pub struct Forbidden {
    /// The app's name.
    pub application: String,
    /// Who is signed in.
    pub user: String,
    /// Where the apps are that this person may open.
    pub apps: String,
    /// Where to sign out, to come as somebody else (`data-sign-out`).
    pub sign_out: String,
}

impl Page for Forbidden {
    fn csp(&self) -> String {
        Csp::page().scriptless().value()
    }
}
