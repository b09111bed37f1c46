//! `/oauth2/v1/par`: a client pushes its authorization request ahead of the browser (RFC 9126).

use std::time::Duration;

use acquit_oidc::{
    authorize::pushed::{Pushed, push},
    error::{ErrorCode, OAuthError},
};
use acquit_store::par::NewPar;
use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};

use super::{
    credentials::Call,
    error::{Failure, no_randomness, ours, too_many},
};
use crate::{App, form::Address, limits::subscriber, random};

/// How long the browser may take to come with the reference.
const LIFE: Duration = Duration::from_secs(90);

/// `POST /oauth2/v1/par`.
pub async fn push_request(
    State(app): State<App>,
    Address(address): Address,
    request: Request,
) -> Result<(StatusCode, Json<Pushed>), Failure> {
    let Call { client, params } = Call::read(&app, request).await?;
    let now = app.clock.now();
    if client.is_public() {
        // Anybody may push in its name, and each request is a row in the store.
        app.limits().try_push(&address).map_err(|refusal| too_many(refusal.again_at.since(now)))?;
    }
    let pushed = push(&params, &client)?;
    let json = serde_json::to_string(&pushed)
        .map_err(|_| OAuthError::new(ErrorCode::ServerError, "the request could not be kept"))?;
    let handle = random::secret().map_err(no_randomness)?;
    let new = NewPar {
        hash: random::hash(&handle),
        client_id: client.client_id.clone(),
        pushed_from: client.is_public().then(|| subscriber(&address)),
        params: json,
        now,
        expires_at: now.plus(LIFE),
    };
    app.store.put_par(new).await.map_err(|error| ours(&error))?.map_err(|_| too_many(LIFE))?;
    Ok((StatusCode::CREATED, Json(Pushed::new(&handle, LIFE.as_secs()))))
}
