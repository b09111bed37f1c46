//! The consent page (`data-page="consent"`): may this application know these things?

use askama::Template;

use super::{Csp, FormTargets, Hidden, Page};

/// Asks before the first sign-in to an application. Buttons: `decision=allow`, `decision=deny`.
#[derive(Template)]
#[template(path = "consent.html")]
pub struct Consent {
    /// Where the form posts to.
    pub action: String,
    /// The token that proves that the form came from this browser, and the sealed handle of the request.
    pub hidden: Vec<Hidden>,
    /// The application's name.
    pub application: String,
    /// Where the application lives (a host), so that a name alone deceives nobody.
    pub host: Option<String>,
    /// Who is signed in.
    pub user: String,
    /// The scopes asked for.
    pub scopes: Vec<String>,
    /// Where the browser goes afterwards.
    pub targets: FormTargets,
}

/// What an application learns or may do by a scope, in plain words; none for a scope of somebody else's making.
#[must_use]
pub fn scope_in_words(scope: &str) -> Option<&'static str> {
    Some(match scope {
        "openid" => "That it is you, each time you come back",
        "profile" => "Your name and username",
        "email" => "Your e-mail address",
        "phone" => "Your phone number",
        "address" => "Your postal address",
        "groups" => "The groups that you belong to",
        "offline_access" => {
            "Act for you while you are away, even after this session has ended, until you sign out everywhere"
        }
        _ => return None,
    })
}

impl Page for Consent {
    fn csp(&self) -> String {
        Csp::page().scriptless().forms(&self.targets).value()
    }
}
