//! Programs at routes: an operator has one let in, as a person or a service, by a token for one host.
//!
//! The token is of a session of its own, which no browser has. It is listed, ended and told of like any other, and every logout of
//! all of its user ends it too.

use std::time::Duration;

use acquit_core::{SessionId, Timestamp};
use acquit_gateway::{
    cookie::{CookieError, Cookies},
    origin::Origin,
    route::Routes,
};
use acquit_store::{
    Store, StoreError,
    session::{BeginRefusal, NewProgram, NewSession, SessionView},
    user::User,
};

use super::{person, sign_in};
use crate::{
    clients::Clients,
    failpoint,
    random::{self, NoRandomness},
};

/// The longest name of a program, in characters.
const MAX_NAME: usize = 100;

/// What it takes to let a program in; a running server and the command both have it.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Where its session is kept.
    pub store: &'a Store,
    /// Who may vouch for its user.
    pub clients: &'a Clients,
    /// What its token is made with.
    pub cookies: &'a Cookies,
    /// The routes that there are.
    pub routes: &'a Routes,
    /// How long it may live.
    pub lifetimes: acquit_core::session::Lifetimes,
}

/// Which program is to be let in.
#[derive(Clone, Debug)]
pub struct Admission {
    /// As whom.
    pub user: User,
    /// At which route's origin, as the configuration has it.
    pub route: String,
    /// What the operator calls it.
    pub name: String,
    /// For how long; as long as may be when absent.
    pub life: Option<Duration>,
    /// Which operator lets it in, for the log.
    pub by: String,
}

/// A program that was let in.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// What it sends as `Authorization: Bearer …`. It is kept nowhere.
    pub token: String,
    /// The session that it dies with.
    pub session: SessionId,
    /// When its time is over, if nothing ends it before.
    pub until: Timestamp,
}

/// Why a program is not let in. Nothing has begun then.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// The caller names another route.
    #[error("there is no route {0}")]
    NoRoute(String),
    /// The caller gives it another name.
    #[error("a program's name has between 1 and {MAX_NAME} characters, none of them a control character")]
    Name,
    /// The caller asks for less; the operator may allow more in the configuration.
    #[error("a program's token lives between 1 second and {} seconds (`lifetimes.program_max`)", .0.as_secs())]
    Life(Duration),
    /// The operator names a user of their own: whoever vouches for this one could not take the program back.
    #[error(
        "this person comes through an identity provider, whose sign-out would not reach a program: let it act as a service"
    )]
    FromElsewhere,
    /// The operator changes the route's `allow`, or names another user.
    #[error("no route of this host lets {0} in")]
    NotAllowed(String),
    /// The user cannot have a session.
    #[error(transparent)]
    Refused(#[from] BeginRefusal),
    /// The session ended before its token was made.
    #[error("the user was signed out everywhere in the meantime")]
    Ended,
    /// The operator maps fewer groups.
    #[error(transparent)]
    Cookie(#[from] CookieError),
    /// Trying again may help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine gives no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// Lets a program in.
///
/// # Errors
/// [`AdmitError`].
pub async fn admit(means: Means<'_>, admission: Admission, now: Timestamp) -> Result<Admitted, AdmitError> {
    let Admission { user, route, name, life, by } = admission;
    let origin = origin(means.routes, &route).ok_or(AdmitError::NoRoute(route))?;
    let named = (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !named || name.trim() != name {
        return Err(AdmitError::Name);
    }
    let longest = means.lifetimes.program;
    let life = life.unwrap_or(longest);
    if life < Duration::from_secs(1) || life > longest {
        return Err(AdmitError::Life(longest));
    }
    if user.origin.is_some() {
        return Err(AdmitError::FromElsewhere);
    }
    let id = SessionId::from_random(random::id_at(now)?);
    let new = NewSession {
        id: id.clone(),
        // Of a secret that nobody has: no browser can come by this session.
        handle_hash: random::hash(&random::secret_at(now)?),
        user: user.id.clone(),
        user_epoch: user.epoch,
        now,
        ip: None,
        user_agent: Some(name),
        program: Some(NewProgram { until: now.plus(life), by }),
        upstream: None,
    };
    let view = SessionView {
        session: new.session(user.epoch),
        user,
        ip: None,
        user_agent: new.user_agent.clone(),
        participants: Vec::new(),
    };
    let identity = person::identity(means.clients, means.lifetimes, &view);
    let mut of_host = means.routes.of_host(origin.authority()).into_iter().flat_map(|routes| routes.iter());
    if !of_host.any(|route| route.allow.admits(&identity)) {
        return Err(AdmitError::NotAllowed(view.user.username));
    }
    // Who does not fit into a token is told so before anything begins; nobody has it before that is written.
    let token = means.cookies.seal_program(&origin, &identity)?;
    means.store.begin_session(new).await??;
    failpoint::hit("program-begun");
    let participant = sign_in::participant(&view, &origin, now)?;
    if means.store.join_gateway(participant, means.lifetimes).await?.is_err() {
        return Err(AdmitError::Ended);
    }
    tracing::info!(user = %view.user.id, session = %id, host = origin.authority(), "a program was let in");
    Ok(Admitted { token, session: id, until: now.plus(life) })
}

/// The origin of a route by its URL, however its host is written.
fn origin(routes: &Routes, url: &str) -> Option<Origin> {
    let wanted = Origin::parse(url.trim_end_matches('/')).ok()?;
    routes.origin(wanted.authority()).filter(|origin| **origin == wanted).cloned()
}
