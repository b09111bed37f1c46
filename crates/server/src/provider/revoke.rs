//! `/oauth2/v1/revoke`: a client gives a token back (RFC 7009).

use acquit_oidc::revoke::{self, Found, Revocation, RevocationRequest, TokenKind, decide};
use axum::{
    extract::{Request, State},
    http::StatusCode,
};

use super::{
    credentials::Call,
    error::{Failure, ours},
};
use crate::{App, random};

/// `POST /oauth2/v1/revoke`: 200 also for a token that is not known (RV-9).
pub async fn revoke(State(app): State<App>, request: Request) -> Result<StatusCode, Failure> {
    let Call { client, params } = Call::read(&app, request).await?;
    let asked = RevocationRequest::parse(&params)?;
    let hash = random::hash(&asked.token);
    let now = app.clock.now();
    let mut found = None;
    for kind in revoke::search(asked.hint) {
        let grant = match kind {
            TokenKind::Access => app.store.access_token(&hash).await.map(|view| view.map(|view| view.grant)),
            TokenKind::Refresh => app.store.refresh_token(&hash).await.map(|view| view.map(|view| view.grant)),
        };
        if let Some(grant) = grant.map_err(|error| ours(&error))? {
            found = Some((kind, grant));
            break;
        }
    }
    let named = found.as_ref().map(|(kind, grant)| Found { kind: *kind, client_id: &grant.client_id });
    match (decide(&client, named)?, &found) {
        (Revocation::AccessToken, _) => {
            app.store.revoke_access(&hash, now).await.map_err(|error| ours(&error))?;
        }
        (Revocation::Grant, Some((_, grant))) => {
            app.store.revoke_family(&grant.family, now).await.map_err(|error| ours(&error))?;
        }
        (Revocation::Grant | Revocation::Nothing, _) => {}
    }
    Ok(StatusCode::OK)
}
