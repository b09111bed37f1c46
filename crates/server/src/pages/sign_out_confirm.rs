//! The page that asks before signing out (`data-page="sign-out-confirm"`).

use askama::Template;

use super::{Csp, FormTargets, Hidden, Page};

/// Asks whether to sign out. Buttons: `decision=sign-out`, `decision=stay`.
#[derive(Template)]
#[template(path = "sign-out-confirm.html")]
pub struct SignOutConfirm {
    /// Where the form posts to.
    pub action: String,
    /// The single-use token of this confirmation and whatever else goes back.
    pub hidden: Vec<Hidden>,
    /// Who is signed in.
    pub user: String,
    /// The name of the application that asked; none when the person came by themselves.
    pub application: Option<String>,
    /// The names of the apps that will be told.
    pub told: Vec<String>,
    /// The names of the apps that will not be told, because they cannot be or are not to be.
    pub not_told: Vec<String>,
    /// Where the browser goes afterwards.
    pub targets: FormTargets,
}

impl Page for SignOutConfirm {
    fn csp(&self) -> String {
        Csp::page().scriptless().forms(&self.targets).value()
    }
}
