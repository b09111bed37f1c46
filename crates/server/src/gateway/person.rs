//! Who a person of a session is to a route.

use acquit_gateway::{
    identity::{Identity, Person},
    origin::Origin,
};
use acquit_store::{session::SessionView, user::User};
use axum::http::HeaderValue;

use super::visitor;
use crate::{App, broker::person::address, door::DoorError};

/// Who the person of a session is, until the session is too old.
#[must_use]
pub fn identity(app: &App, view: &SessionView) -> Identity {
    let (session, user) = (&view.session, &view.user);
    let person = Person {
        username: user.username.clone(),
        name: user.name.clone(),
        email: email(app, user),
        groups: user.groups.clone(),
        version: user.version,
    };
    let until = session.began_at.plus(app.settings().lifetimes.session_max);
    Identity::new((session.id.clone(), user.id.clone(), session.epoch), person, until).begun_at(session.began_at)
}

/// The address that apps may know a person by: what the operator wrote down, or what a customer's provider says within the
/// domains of that customer (no other was ever taken over from it); of the operator's own provider what that has checked.
fn email(app: &App, user: &User) -> Option<String> {
    let address = address(app, user)?;
    let vouched = match &user.origin {
        None => true,
        Some(origin) => {
            let connection = app.clients.connections().find(&origin.connection);
            connection.is_some_and(|connection| connection.organization.is_some() || user.email_verified)
        }
    };
    vouched.then(|| address.to_owned())
}

/// Describes a person anew whose cookie at a route is old: who they are now, and the cookie that says so. None when the session has
/// ended.
///
/// # Errors
/// [`DoorError`].
pub async fn renew(app: &App, origin: &Origin, old: &Identity) -> Result<Option<(Identity, HeaderValue)>, DoorError> {
    let view = app.store.session(&old.session).await?.filter(|view| app.is_live(view, app.clock.now()));
    let Some(view) = view else { return Ok(None) };
    let identity = identity(app, &view);
    let cookie = visitor::let_in(app, origin, &identity)?;
    Ok(Some((identity, cookie)))
}
