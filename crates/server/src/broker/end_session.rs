//! The browser ends its session at an identity provider (RP-Initiated Logout 1.0), and comes back to `/sso/oidc/logout-callback`.
//! The provider says nothing of whether it did, so the step is `sent` and never `confirmed`.

use std::time::Duration;

use acquit_core::{
    SessionId,
    step::{Step, Target},
};
use acquit_oidc::rp::end_session::{Back, EndSession, unverified_state};
use acquit_store::saml::Skipped;
use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};

use super::secrets::Secrets;
use crate::{App, door::DoorError, form::Query, logout::Done, respond, seal::Purpose, way_out};

/// Our one address for browsers that come back; the rest travels in `state`.
pub const CALLBACK: &str = "/sso/oidc/logout-callback";
/// How long a browser may take there: providers ask the person.
const LIFE: Duration = Duration::from_secs(30 * 60);
const HINT_LEFT_OUT: &str = "was asked without naming the session, since the address would have been too long";

/// Where a browser goes on that comes back.
#[derive(Serialize, Deserialize)]
struct Return {
    onward: String,
}

/// Where the browser is to go for a step, which is written down as sent; none when it is not to go there.
///
/// # Errors
/// [`DoorError`].
pub async fn url(app: &App, step: &Step, onward: String) -> Result<Option<String>, DoorError> {
    let Target::EndSession { uri, upstream, .. } = &step.target else { return Ok(None) };
    let now = app.clock.now();
    let Some(secrets) = Secrets::find(&app.store, &app.sealer, upstream).await? else {
        let why = "its sign-in is not known any more";
        app.store.skip_hop(&step.logout, &step.id, now, why, Skipped::Failed).await?;
        return Ok(None);
    };
    let state = app.sealer.seal(Purpose::Return, &Return { onward }, now.plus(LIFE))?;
    let back = format!("{}{CALLBACK}", app.issuer());
    let request = EndSession {
        id_token_hint: secrets.id_token.as_deref(),
        client_id: &secrets.client_id,
        back: Some(Back { uri: &back, state: &state }),
        logout_hint: None,
        ui_locales: None,
    };
    let url = match request.url(uri) {
        Ok(url) => url,
        Err(error) => {
            app.store.skip_hop(&step.logout, &step.id, now, &error.to_string(), Skipped::Failed).await?;
            return Ok(None);
        }
    };
    // Written before it leaves: whether it comes back is the provider's affair.
    let note = url.hint_left_out.then(|| HINT_LEFT_OUT.to_owned());
    let is_first = app.store.record_hop(&step.logout, &step.id, now, note).await?;
    Ok(is_first.then_some(url.url))
}

/// Sends a browser to the provider of a session that ended, past everything else that the session's own browser would visit.
///
/// # Errors
/// [`DoorError`].
pub async fn straight(
    app: &App,
    session: &SessionId,
    done: &Done,
    onward: String,
) -> Result<Option<Response>, DoorError> {
    let to_provider = |step: &&Step| matches!(step.target, Target::EndSession { .. });
    let Some(step) = done.hops(session).find(to_provider) else { return Ok(None) };
    if let Some(why) = way_out::look(app, step.target.uri().unwrap_or_default()).await {
        app.store.skip_hop(&step.logout, &step.id, app.clock.now(), why, Skipped::Failed).await?;
        return Ok(None);
    }
    Ok(url(app, step, onward).await?.map(|url| respond::see_other(&url)))
}

/// `GET /sso/oidc/logout-callback`: a browser comes back. Without a `state` of ours it ends at our own page.
pub async fn back(State(app): State<App>, Query(query): Query) -> Result<Response, DoorError> {
    let state = unverified_state(&query).unwrap_or_default();
    match app.sealer.open::<Return>(Purpose::Return, state, app.clock.now()) {
        Ok(way) => Ok(respond::see_other(&way.onward)),
        Err(_) => Ok(respond::see_other("/signed-out")),
    }
}
