//! `/oauth2/v1/token`: codes and refresh tokens are exchanged. The rules are in [`acquit_oidc::token`], the decisions in
//! [`acquit_core::grant`], inside the store's transaction.

use acquit_core::Timestamp;
use acquit_oidc::{
    claims::{self, ClaimsRequest, Issue, SignIn},
    client::Client,
    error::{ErrorCode, OAuthError},
    scope::{Scope, Scopes},
    token::{CodeBinding, TokenRequest, TokenResponse, UNKNOWN_GRANT, check_refresh},
};
use acquit_store::{
    code::{Mint, Minted, NewAccess, NewRefresh, RedeemRefusal},
    token::RefreshFailure,
};
use axum::{
    Json,
    extract::{Request, State},
};

use super::{
    credentials::Call,
    error::{Failure, no_randomness, ours},
    userinfo::person,
};
use crate::{App, random};

/// By what means local users prove who they are (RFC 8176).
const AMR: [&str; 1] = ["pwd"];

/// `POST /oauth2/v1/token`.
pub async fn exchange(State(app): State<App>, request: Request) -> Result<Json<TokenResponse>, Failure> {
    let Call { client, params } = Call::read(&app, request).await?;
    match TokenRequest::parse(&params, &client)? {
        TokenRequest::Code { code, redirect_uri, code_verifier } => {
            redeem(&app, &client, &code, &redirect_uri, code_verifier.as_deref()).await
        }
        TokenRequest::Refresh { refresh_token, scope } => {
            refresh(&app, &client, &refresh_token, scope.as_deref()).await
        }
    }
}

/// The tokens that are about to be handed out, and what the store keeps of them.
struct Drawn {
    access: String,
    refresh: Option<String>,
    mint: Mint,
}

fn draw(app: &App, client: &Client, scopes: Scopes, offline: bool, now: Timestamp) -> Result<Drawn, Failure> {
    let lifetimes = app.settings().lifetimes;
    let access = random::secret_at(now).map_err(no_randomness)?;
    let refresh =
        client.grant_types.refresh_token.then(|| random::secret_at(now)).transpose().map_err(no_randomness)?;
    let mint = Mint {
        access: NewAccess {
            hash: random::hash(&access),
            expires_at: now.plus(lifetimes.access_token),
            scope: scopes.to_string(),
            aud: client.token_audience.clone(),
        },
        refresh: refresh.as_deref().map(|token| NewRefresh {
            hash: random::hash(token),
            expires_at: now.plus(lifetimes.refresh_token),
            offline,
        }),
    };
    Ok(Drawn { access, refresh, mint })
}

async fn redeem(
    app: &App,
    client: &Client,
    code: &str,
    redirect_uri: &str,
    code_verifier: Option<&str>,
) -> Result<Json<TokenResponse>, Failure> {
    let hash = random::hash(code);
    let record = app.store.code(&hash).await.map_err(|error| ours(&error))?.ok_or(UNKNOWN_GRANT)?;
    let binding = CodeBinding {
        client_id: &record.grant.client_id,
        redirect_uri: &record.grant.redirect_uri,
        code_challenge: record.grant.pkce.as_ref().map(|pkce| pkce.challenge.as_str()),
    };
    binding.check(client, redirect_uri, code_verifier)?;
    let now = app.clock.now();
    let scopes = Scopes::parse(&record.grant.scope);
    let drawn = draw(app, client, scopes, scopes.has(Scope::OfflineAccess), now)?;
    let lifetimes = app.settings().lifetimes.session();
    let redeemed = app.store.redeem_code(&hash, record, drawn.mint.clone(), now, lifetimes).await;
    let minted = redeemed.map_err(|error| ours(&error))?;
    match minted {
        Ok(minted) => respond(app, client, scopes, &minted, drawn, now),
        Err(RedeemRefusal::Unknown | RedeemRefusal::Repeated) => Err(UNKNOWN_GRANT.into()),
        Err(RedeemRefusal::Refused(refusal)) => Err(refusal.into()),
    }
}

async fn refresh(app: &App, client: &Client, token: &str, scope: Option<&str>) -> Result<Json<TokenResponse>, Failure> {
    let hash = random::hash(token);
    let view = app.store.refresh_token(&hash).await.map_err(|error| ours(&error))?.ok_or(UNKNOWN_GRANT)?;
    check_refresh(&view.grant.client_id, client)?;
    let scopes = Scopes::parse(&view.grant.scope).narrow(scope)?;
    let now = app.clock.now();
    let drawn = draw(app, client, scopes, view.grant.offline, now)?;
    let lifetimes = app.settings().lifetimes.session();
    let minted = app
        .store
        .refresh(&hash, &client.client_id, drawn.mint.clone(), now, lifetimes)
        .await
        .map_err(|error| ours(&error))?;
    match minted {
        Ok(minted) => {
            app.used(&minted.session).await.map_err(|error| ours(&error))?;
            respond(app, client, scopes, &minted, drawn, now)
        }
        Err(RefreshFailure::Unknown | RefreshFailure::OtherClient) => Err(UNKNOWN_GRANT.into()),
        Err(RefreshFailure::Refused(refusal)) => Err(refusal.into()),
    }
}

fn respond(
    app: &App,
    client: &Client,
    scopes: Scopes,
    minted: &Minted,
    drawn: Drawn,
    now: Timestamp,
) -> Result<Json<TokenResponse>, Failure> {
    if app.denials.denies_grant(&minted.session, minted.offline) {
        return Err(UNKNOWN_GRANT.into());
    }
    let lifetimes = app.settings().lifetimes;
    // A refresh may have narrowed the scope to one without an ID token.
    let id_token =
        scopes.has(Scope::OpenId).then(|| id_token(app, client, scopes, minted, &drawn.access, now)).transpose()?;
    let mut response = TokenResponse::new(drawn.access, lifetimes.access_token.as_secs(), scopes);
    response.refresh_token = drawn.refresh;
    response.id_token = id_token;
    Ok(Json(response))
}

fn id_token(
    app: &App,
    client: &Client,
    scopes: Scopes,
    minted: &Minted,
    access_token: &str,
    now: Timestamp,
) -> Result<String, Failure> {
    let requested: ClaimsRequest =
        minted.claims.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let sign_in =
        SignIn { authenticated_at: minted.auth_time, acr: minted.acr.as_deref(), amr: &AMR, sid: &minted.sid };
    let issue = Issue {
        issuer: app.issuer(),
        now,
        lifetime: app.settings().lifetimes.id_token,
        nonce: minted.nonce.as_deref(),
        access_token: Some(access_token),
    };
    let claims = claims::id_token(client, &person(app, &minted.user), scopes, &requested, sign_in, issue);
    let broken = || OAuthError::new(ErrorCode::ServerError, "the ID token could not be signed");
    let signer = app.keys.signing(client.id_token_signed_response_alg, now).ok_or_else(broken)?;
    signer.key.sign_id_token(&claims).map_err(|error| {
        tracing::error!(%error, "an ID token could not be signed");
        broken().into()
    })
}
