//! The page between two hops (`data-page="signing-out"`): names the application that the browser goes to next, and goes.

use askama::Template;

use super::{Csp, FormTargets, Hidden, Page};

/// Sends the browser to one application with a message. By itself: a link by a refresh, which needs no script, a form by a
/// script, or by its button. An application that takes the connection and hangs leaves the person here, with a way past it.
#[derive(Template)]
#[template(path = "hop.html")]
pub struct Hop {
    /// The application's name.
    pub application: String,
    /// The message.
    pub carry: Carry,
    /// Where the person goes on without that application.
    pub skip: String,
}

/// How the message goes.
#[derive(Clone, Debug)]
pub enum Carry {
    /// In this URL.
    Link(String),
    /// In a form.
    Form {
        /// Where it is posted.
        action: String,
        /// Its fields.
        hidden: Vec<Hidden>,
    },
}

impl Page for Hop {
    /// Without `form-action`: the application redirects back here and perhaps elsewhere before, and Chromium would hold that
    /// against this page. Every value on it is escaped, and its only form leads to a registered endpoint.
    fn csp(&self) -> String {
        Csp::page().forms(&FormTargets::Any).value()
    }
}
