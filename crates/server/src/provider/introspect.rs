//! `/oauth2/v1/introspect`: is this token good? (RFC 7662)

use acquit_oidc::{
    introspect::{GoodToken, Introspection, IntrospectionRequest, answer},
    revoke::{self, TokenKind},
    scope::Scopes,
};
use axum::{
    Json,
    extract::{Request, State},
};

use super::{
    credentials::Call,
    error::{Failure, ours},
};
use crate::{App, random};

/// `POST /oauth2/v1/introspect`.
pub async fn introspect(State(app): State<App>, request: Request) -> Result<Json<Introspection>, Failure> {
    let Call { client, params } = Call::read(&app, request).await?;
    let asked = IntrospectionRequest::parse(&params, &client)?;
    let hash = random::hash(&asked.token);
    let now = app.clock.now();
    let lifetimes = app.settings().lifetimes.session();
    // Access tokens are what resource servers ask about.
    for kind in revoke::search(asked.hint.or(Some(TokenKind::Access))) {
        match kind {
            TokenKind::Access => {
                let Some(view) = app.store.access_token(&hash).await.map_err(|error| ours(&error))? else { continue };
                let denied = app.denials.denies_grant(&view.grant.session, view.offline);
                let good = (view.live(now, lifetimes) && !denied).then(|| GoodToken {
                    kind,
                    client_id: &view.grant.client_id,
                    audience: &view.aud,
                    scopes: Scopes::parse(&view.scope),
                    subject: view.grant.user.id.as_str(),
                    username: Some(&view.grant.user.username),
                    issued_at: view.issued_at,
                    expires_at: view.expires_at,
                    sid: Some(&view.grant.sid),
                });
                let answer = answer(&client, app.issuer(), good, now);
                if answer.active {
                    app.used(&view.grant.session).await.map_err(|error| ours(&error))?;
                }
                return Ok(Json(answer));
            }
            TokenKind::Refresh => {
                let Some(view) = app.store.refresh_token(&hash).await.map_err(|error| ours(&error))? else { continue };
                let denied = app.denials.denies_grant(&view.grant.session, view.grant.offline);
                let good = (view.live(now, lifetimes) && !denied).then(|| GoodToken {
                    kind,
                    client_id: &view.grant.client_id,
                    audience: &[],
                    scopes: Scopes::parse(&view.grant.scope),
                    subject: view.grant.user.id.as_str(),
                    username: Some(&view.grant.user.username),
                    issued_at: view.issued_at,
                    expires_at: view.expires_at,
                    sid: Some(&view.grant.sid),
                });
                return Ok(Json(answer(&client, app.issuer(), good, now)));
            }
        }
    }
    Ok(Json(Introspection::default()))
}
