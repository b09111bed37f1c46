//! `/oauth2/v1/par`: a client pushes its authorization request ahead of the browser (RFC 9126).

use std::time::Duration;

use acquit_oidc::{
    authorize::pushed::{Pushed, push},
    error::{ErrorCode, OAuthError},
};
use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};

use super::{
    credentials::Call,
    error::{Failure, no_randomness, ours},
};
use crate::{App, random};

/// How long the browser may take to come with the reference.
const LIFE: Duration = Duration::from_secs(90);

/// `POST /oauth2/v1/par`.
pub async fn push_request(State(app): State<App>, request: Request) -> Result<(StatusCode, Json<Pushed>), Failure> {
    let Call { client, params } = Call::read(&app, request).await?;
    let pushed = push(&params, &client)?;
    let json = serde_json::to_string(&pushed)
        .map_err(|_| OAuthError::new(ErrorCode::ServerError, "the request could not be kept"))?;
    let handle = random::secret().map_err(no_randomness)?;
    let until = app.clock.now().plus(LIFE);
    app.store.put_par(&random::hash(&handle), &client.client_id, &json, until).await.map_err(|error| ours(&error))?;
    Ok((StatusCode::CREATED, Json(Pushed::new(&handle, LIFE.as_secs()))))
}
