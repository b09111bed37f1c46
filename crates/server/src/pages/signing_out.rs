//! The page that tells apps through the browser (`data-page="signing-out"`), and leaves within its cap.

use std::time::Duration;

use askama::Template;

use super::{Csp, Page};

/// Loads every app's sign-out page in a frame of its own, then goes on: by script as soon as all have loaded, at the cap at
/// the latest. Without script by a refresh, whose clock browsers start only when the page and all of its frames have loaded
/// (HTML, "completely loaded time"): it is set to the shortest time that still lets the frames' own scripts begin. A frame
/// that hangs holds such a browser; for it there is the link.
#[derive(Template)]
#[template(path = "signing-out.html")]
pub struct SigningOut {
    /// The frames to load.
    pub frames: Vec<Frame>,
    /// Where the browser goes next.
    pub continue_to: String,
    /// What is there, for the link: the application's name; none for Acquit's own page.
    pub continue_name: Option<String>,
    /// The longest that the browser is kept, counted from the page's first byte.
    pub cap: Duration,
    /// Where the script posts what loaded (form-encoded): `token`, and `frame` for each id. Must be on Acquit's own origin.
    pub report_to: String,
    /// What proves that the report came from this page.
    pub report_token: String,
}

/// One app's frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What the report calls it: the step's id.
    pub id: String,
    /// The app's name.
    pub name: String,
    /// Its front-channel logout URL with `iss` and `sid`.
    pub url: String,
}

impl SigningOut {
    fn cap_ms(&self) -> u128 {
        self.cap.as_millis()
    }
}

impl Page for SigningOut {
    fn csp(&self) -> String {
        Csp::page().connecting().frames(self.frames.iter().map(|frame| frame.url.as_str())).value()
    }
}
