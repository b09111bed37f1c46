//! `/logouts/{id}?key=…`: the receipt, for whoever holds its link.

use acquit_core::{AppId, LogoutId, receipt::Receipt};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use crate::{App, door::DoorError, form::Query, pages::receipt::ReceiptPage, random, respond};

/// `GET /logouts/{id}`.
pub async fn show(
    State(app): State<App>,
    Path(logout): Path<String>,
    Query(query): Query,
) -> Result<Response, DoorError> {
    let receipt = load(&app, &logout, query.get("key").unwrap_or_default()).await?;
    let page = ReceiptPage::of(&receipt, |party| app.clients.name(&AppId::new(party)), |_| None);
    Ok(respond::page(StatusCode::OK, &page))
}

/// The receipt that this key opens. A wrong key, an unknown logout and one that is too old look the same.
///
/// # Errors
/// [`DoorError::NotFound`].
pub async fn load(app: &App, logout: &str, key: &str) -> Result<Receipt, DoorError> {
    let logout = LogoutId::parse(logout).map_err(|_| DoorError::NotFound)?;
    app.store.receipt_by_key(&logout, &random::hash(key), app.clock.now()).await?.ok_or(DoorError::NotFound)
}
