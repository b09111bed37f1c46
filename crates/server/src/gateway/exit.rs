//! A browser's way out from the host of a route to Acquit's own, sealed into a URL.

use std::time::Duration;

use acquit_core::SessionId;
use acquit_gateway::origin::Origin;
use acquit_oidc::response::add_query;
use serde::{Deserialize, Serialize};

use super::SIGN_OUT;
use crate::{
    App,
    account::sign_out::RouteAsker,
    seal::{Purpose, SealError},
};

/// How long a browser may take to get there.
const LIFE: Duration = Duration::from_secs(10 * 60);

/// What a browser brings from a route at which somebody signs out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RouteExit {
    /// The session that was ended there; none where the person has to be asked first.
    pub ended: Option<SessionId>,
    /// At which host, and where to go afterwards.
    pub from: RouteAsker,
}

impl RouteExit {
    /// The address on Acquit's own host at which it goes on.
    ///
    /// # Errors
    /// [`SealError::Unsealable`].
    pub fn url(
        app: &App,
        origin: &Origin,
        ended: Option<SessionId>,
        landing: Option<String>,
    ) -> Result<String, SealError> {
        let exit = Self { ended, from: RouteAsker { host: Some(origin.app()), landing } };
        let sealed = app.sealer.seal(Purpose::RouteExit, &exit, app.clock.now().plus(LIFE))?;
        Ok(add_query(&format!("{}{SIGN_OUT}", app.issuer()), &[("exit", sealed)]))
    }

    /// Opens what came to that address.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(app: &App, sealed: &str) -> Result<Self, SealError> {
        app.sealer.open(Purpose::RouteExit, sealed, app.clock.now())
    }
}
