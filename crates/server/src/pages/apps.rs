//! The apps behind the gateway that a person may open (`data-page="apps"`).

use askama::Template;

use super::{Csp, Page};

/// Who is signed in, and what they may open.
#[derive(Template)]
#[template(path = "apps.html")]
pub struct Apps {
    /// Who.
    pub user: String,
    /// Their address, as apps are told it.
    pub email: Option<String>,
    /// Their groups, as apps are told them.
    pub groups: Vec<String>,
    /// The apps.
    pub apps: Vec<AppEntry>,
    /// Where one's sessions are.
    pub account: String,
    /// Where to sign out (`data-sign-out`).
    pub sign_out: String,
}

/// An app.
#[derive(Clone, Debug)]
pub struct AppEntry {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Whether it is on this host.
    pub here: bool,
}

impl Page for Apps {
    fn csp(&self) -> String {
        Csp::page().scriptless().value()
    }
}
