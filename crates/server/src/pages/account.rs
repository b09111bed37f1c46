//! A person's own sessions (`data-page="account"`), each with a way to end it.

use askama::Template;

use super::{Csp, FormTargets, Moment, Page};

/// Where the forms of this page post to: `csrf`, and `session=ses_…` for one or `scope=user` for all.
pub const SIGN_OUT_ACTION: &str = "/account/sign-out";

/// Who is signed in, where, and since when.
#[derive(Template)]
#[template(path = "account.html")]
pub struct Account {
    /// The username.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The token that proves that a form came from this browser.
    pub csrf: String,
    /// The live sessions; this browser's first.
    pub sessions: Vec<SessionEntry>,
    /// Where its forms may lead.
    pub targets: FormTargets,
    /// Said above the list after an action, such as a session that was ended from here.
    pub done: Option<Done>,
}

/// What was done just now.
#[derive(Clone, Debug)]
pub struct Done {
    /// Which session ended, in words ("Firefox on Windows").
    pub device: String,
    /// The receipt's page, with its key.
    pub receipt: Option<String>,
}

/// One live session.
#[derive(Clone, Debug)]
pub struct SessionEntry {
    /// Its id.
    pub id: String,
    /// Whether it is this browser's.
    pub this_browser: bool,
    /// The browser, in words: [`super::device::in_words`].
    pub device: String,
    /// The address that it was last used from.
    pub address: Option<String>,
    /// When it began.
    pub since: Moment,
    /// When it was last used.
    pub last_used: Moment,
    /// The names of the apps in it.
    pub apps: Vec<String>,
}

impl Account {
    fn action(&self) -> &'static str {
        SIGN_OUT_ACTION
    }
}

impl Page for Account {
    fn csp(&self) -> String {
        Csp::page().forms(&self.targets).value()
    }
}
