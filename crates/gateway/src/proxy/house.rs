//! What the data path needs of the server around it.

use std::{error::Error, sync::Arc};

use acquit_core::{SessionId, Timestamp};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, request::Parts};
use hyper::body::{Body, Incoming};

use crate::{identity::Identity, listener::Caller, route::Route};

/// The store did not answer in time. Trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store does not answer")]
pub struct Unavailable;

/// A person as they are described now, with the cookie that says so.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// Who they are.
    pub identity: Arc<Identity>,
    /// The whole `Set-Cookie` of the route's cookie.
    pub cookie: HeaderValue,
}

/// The server around the data path. Its answers go to the browser as they are.
pub trait House: Send + Sync + 'static {
    /// The body of its answers.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static;

    /// What time it is.
    fn now(&self) -> Timestamp;

    /// Asks the store at once what has ended, and brings [`Standing`](crate::standing::Standing) up to date.
    fn refresh(&self) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Answers at Acquit's own paths of a route's host, and at all paths of Acquit's own host. The path is merged
    /// ([`Path::free`](crate::hygiene::path::Path)), all else as it came.
    fn door(&self, request: Request<Incoming>, caller: &Caller) -> impl Future<Output = Response<Self::Body>> + Send;

    /// Answers who is not signed in at this route: with the way to the sign-in for a navigation, and with 401 otherwise. The
    /// URI has the path and the query only.
    fn sign_in(&self, request: &Parts, route: &Route) -> impl Future<Output = Response<Self::Body>> + Send;

    /// Describes a person anew whose cookie is old; nothing when their session has ended, or only a sign-in can tell.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn renew(
        &self,
        route: &Route,
        identity: &Identity,
    ) -> impl Future<Output = Result<Option<Renewed>, Unavailable>> + Send;

    /// Answers who may not pass.
    fn forbidden(&self, request: &Parts, route: &Route, identity: &Identity) -> Response<Self::Body>;

    /// Tells the app who it is. Forged headers of these names are gone by then.
    fn identity_headers(&self, route: &Route, identity: &Identity, headers: &mut HeaderMap);

    /// A session is being used.
    fn used(&self, session: &SessionId);
}
