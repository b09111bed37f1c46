//! `/logouts/{id}?key=…`: the receipt, for whoever holds its link.

use acquit_core::{AppId, LogoutId, plan::By, receipt::Receipt};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use crate::{
    App,
    account::signed_out::{key_hash, shown},
    door::DoorError,
    form::Query,
    pages::{
        Moment,
        receipt::{AskedBy, Attempt, EndedSession, ReceiptPage, Scope, Step},
    },
    respond,
};

/// `GET /logouts/{id}`.
pub async fn show(
    State(app): State<App>,
    Path(logout): Path<String>,
    Query(query): Query,
) -> Result<Response, DoorError> {
    let receipt = load(&app, &logout, query.get("key").unwrap_or_default()).await?;
    Ok(respond::page(StatusCode::OK, &view(&app, receipt)))
}

/// The receipt that this key opens. A wrong key, an unknown logout and one that is too old look the same.
///
/// # Errors
/// [`DoorError::NotFound`].
pub async fn load(app: &App, logout: &str, key: &str) -> Result<Receipt, DoorError> {
    let logout = LogoutId::parse(logout).map_err(|_| DoorError::NotFound)?;
    app.store.receipt_by_key(&logout, &key_hash(key), app.clock.now()).await?.ok_or(DoorError::NotFound)
}

fn view(app: &App, receipt: Receipt) -> ReceiptPage {
    let party = receipt.requested.party.clone();
    let at = receipt.requested.at;
    ReceiptPage {
        id: receipt.id.to_string(),
        asked_by: match receipt.requested.by {
            By::Application => AskedBy::Application(party.map(|id| app.clients.name(&AppId::new(id))).unwrap_or_default()),
            By::User => AskedBy::User,
            By::Upstream => AskedBy::Upstream(party.unwrap_or_default()),
            By::Administrator => AskedBy::Administrator,
            By::Policy => AskedBy::Policy(receipt.requested.reason),
        },
        at: Moment(at),
        ip: receipt.requested.ip,
        scope: if receipt.scope == "user" { Scope::User } else { Scope::Session },
        sessions: receipt
            .sessions
            .into_iter()
            .map(|session| EndedSession { id: session.to_string(), device: None })
            .collect(),
        steps: receipt
            .steps
            .into_iter()
            .map(|line| Step {
                name: app.clients.name(&line.party),
                party: line.party.to_string(),
                channel: line.channel.map_or("none", acquit_core::step::Channel::as_str).to_owned(),
                session: line.session.map(|session| session.to_string()),
                outcome: shown(line.outcome),
                detail: line.detail,
                attempts: line
                    .attempts
                    .into_iter()
                    .map(|attempt| Attempt {
                        at: Moment(attempt.at),
                        status: attempt.status,
                        ms: u64::from(attempt.ms),
                        detail: attempt.detail,
                    })
                    .collect(),
                next_attempt_at: line.next_attempt_at.map(Moment),
            })
            .collect(),
        tokens_until: None,
        deadline: Some(Moment(at.plus(app.settings.lifetimes.logout_deadline))),
    }
}
