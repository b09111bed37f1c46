//! The browser's way out: frames first, then one top-level hop after the other to the applications that can be told only
//! there, then to where the logout was asked for. What is left of it is kept in the store, since answers by POST come without
//! our cookie.

mod end;
mod look;
mod next;

use std::time::Duration;

use acquit_core::{
    AppId, LogoutId, SessionId, StepId,
    step::{Outcome, Step, Target},
};
use acquit_store::{StoreError, saml::Skipped};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::{
    App,
    account::{sign_out, signing_out},
    door::DoorError,
    logout::Done,
    respond,
};

pub use end::{own_page, reach, status};
pub use look::look;
pub use next::next;

/// Where the browser comes back to between two hops.
pub const NEXT: &str = "/sign-out/next";
/// What its tags are for.
const WAY: &str = "way out";
/// How long the way may take.
const LIFE: Duration = Duration::from_secs(30 * 60);

/// Where a way ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum End {
    /// At a URL that was checked: an application's, or a page of ours.
    Url {
        /// Which.
        url: String,
        /// Whose, for the link.
        name: Option<String>,
    },
    /// At a SAML party that asked, with our LogoutResponse.
    Answer {
        /// Which.
        app: AppId,
        /// Its request.
        request: String,
        /// What it wants back.
        relay_state: Option<String>,
        /// Whether it asked by POST.
        by_post: bool,
    },
}

/// A way that is not at its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Way {
    session: SessionId,
    /// The session that began in the same browser before the way did, whose cookie it has instead.
    newer: Option<SessionId>,
    /// The logouts that the answer is about.
    logouts: Vec<LogoutId>,
    end: End,
}

/// Takes a browser whose session has ended on its way. `logouts` are all that the end speaks of; `done` is the one of this
/// browser's session.
///
/// # Errors
/// [`DoorError`].
pub async fn leave(
    app: &App,
    session: &SessionId,
    done: &Done,
    logouts: Vec<LogoutId>,
    end: End,
) -> Result<Response, DoorError> {
    let frames: Vec<Step> = done.frames(session).cloned().collect();
    let hops = done.hops(session).next().is_some();
    set_out(app, session, &done.logout, (frames, hops), logouts, end).await
}

/// The same for a browser that arrives only now: its session was ended by `logout` at the host of a route. What still waits for it
/// is done.
///
/// # Errors
/// [`DoorError`].
pub async fn leave_later(app: &App, session: &SessionId, logout: &LogoutId, end: End) -> Result<Response, DoorError> {
    let waiting = app.store.pending_frontchannel(session).await?;
    let mut frames: Vec<Step> = waiting.into_iter().filter(|step| step.outcome == Outcome::Pending).collect();
    let (framed, hops): (Vec<Step>, Vec<Step>) = app.store.pending_hops(session).await?.into_iter().partition(is_frame);
    frames.extend(framed);
    set_out(app, session, logout, (frames, !hops.is_empty()), vec![logout.clone()], end).await
}

async fn set_out(
    app: &App,
    session: &SessionId,
    logout: &LogoutId,
    (frames, hops): (Vec<Step>, bool),
    logouts: Vec<LogoutId>,
    end: End,
) -> Result<Response, DoorError> {
    // The cookie of the ended session is what the rest of the way is known by.
    let on_the_way = hops || (!frames.is_empty() && matches!(end, End::Answer { .. }));
    let response = travel(app, (session, None), logout, frames, hops, logouts, end).await?;
    Ok(if on_the_way { sign_out::signed_out_here(response) } else { sign_out::forget(app, response) })
}

/// The same for frames and hops that were gathered. `sessions`: the ended one, and the one that the browser has since.
///
/// # Errors
/// [`DoorError`].
pub async fn travel(
    app: &App,
    sessions: (&SessionId, Option<SessionId>),
    logout: &LogoutId,
    frames: Vec<Step>,
    hops: bool,
    logouts: Vec<LogoutId>,
    end: End,
) -> Result<Response, DoorError> {
    if frames.is_empty() && !hops {
        return reach(app, &logouts, end).await;
    }
    let (onward, name) = match (hops, end) {
        (false, End::Url { url, name }) => (url, name),
        (_, end) => {
            let (session, newer) = sessions;
            let way = Way { session: session.clone(), newer, logouts, end };
            let kept = serde_json::to_string(&way).map_err(|error| DoorError::Internal(error.to_string()))?;
            app.store.keep_saml_way(logout, kept, app.clock.now().plus(LIFE)).await?;
            (next_url(app, logout, None), None)
        }
    };
    if frames.is_empty() {
        Ok(respond::see_other(&onward))
    } else {
        signing_out::page(app, &frames, onward, name).await
    }
}

/// What makes the tag in an address of the way: the logout and the place in it. Who has one address of a way makes no other.
fn place<'a>(logout: &'a LogoutId, after: &'a str) -> [&'a str; 2] {
    [logout.as_str(), after]
}

/// Where the browser goes on with a logout, after a hop of it: that one and those before are not looked at again.
pub fn next_url(app: &App, logout: &LogoutId, after: Option<&StepId>) -> String {
    let after = after.and_then(number).map(|number| number.to_string()).unwrap_or_default();
    let key = app.sealer.tag(WAY, &place(logout, &after));
    let after = if after.is_empty() { after } else { format!("&after={after}") };
    format!("{NEXT}?logout={logout}&key={key}{after}")
}

/// The place of a step in its logout.
fn number(step: &StepId) -> Option<u32> {
    step.as_str().rsplit_once('.')?.1.parse().ok()
}

/// The SAML frames, and the logout whose hops wait for the browser of an ended session and may still be made before a new
/// sign-in: those that name the ended session. The others would end the new one, so they fail now.
///
/// # Errors
/// [`StoreError`].
pub async fn left_behind(app: &App, former: &SessionId) -> Result<(Vec<Step>, Option<LogoutId>), StoreError> {
    let (mut frames, mut waiting) = (Vec::new(), None);
    for step in app.store.pending_hops(former).await? {
        // A provider ends whatever session the browser has there by then.
        if step.target.names_subject_alone() || step.target.ends_upstream() {
            let why = "a newer sign-in began in this browser before it could be told";
            app.store.skip_hop(&step.logout, &step.id, app.clock.now(), why, Skipped::Failed).await?;
        } else if is_frame(&step) {
            frames.push(step);
        } else {
            waiting = Some(step.logout);
        }
    }
    Ok((frames, waiting))
}

fn is_frame(step: &Step) -> bool {
    matches!(&step.target, Target::SamlHop { frame: true, .. })
}
