//! The page of `response_mode=form_post`: carries an answer to an application by POST.

use askama::Template;

use super::{Csp, FormTargets, Hidden, Page};

/// Posts the answer by itself; without script a button does.
#[derive(Template)]
#[template(path = "form-post.html")]
pub struct FormPost {
    /// The application's redirect URI.
    pub action: String,
    /// The answer's parameters.
    pub hidden: Vec<Hidden>,
    /// The application's name.
    pub application: String,
}

impl Page for FormPost {
    /// Without `form-action`: the application may redirect anywhere once it has the answer, and Chromium would hold those
    /// redirects against this page. Every value on it is escaped, and its only form leads to a registered URI.
    fn csp(&self) -> String {
        Csp::page().forms(&FormTargets::Any).value()
    }
}
