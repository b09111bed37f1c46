//! `DELETE /connections/{id}`.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};

use super::{of_the_file, one};
use crate::{
    App,
    broker::{error::Failure, made::changed, manage::Manager},
};

/// `DELETE /connections/{id}`. Nobody comes through it any more; the sessions of who came end by a logout.
pub async fn delete(
    State(app): State<App>,
    Manager(application): Manager,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let listed = one(&app, &application, &id)?;
    if listed.record.is_none() {
        return Err(of_the_file(&id));
    }
    let deleted = app.store.delete_connection(&listed.id, app.clock.now()).await?;
    changed(&app).await?;
    if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(Failure::not_found(listed.id.as_str())) }
}
