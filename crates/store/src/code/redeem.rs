//! Redeeming a code: `acquit_core::grant::redeem` decides, with what was read under the session's lock.

use acquit_core::{
    AppId, Timestamp,
    event::Kind,
    grant::{self, CodeRefusal, CodeState},
    session::{Lifetimes, Session},
};

use super::CodeRecord;
use crate::{
    Hash, Store, StoreError,
    column::to_json,
    event::Event,
    tx::{Batch, Tx},
    user::User,
    value::params,
};

/// The tokens to mint, drawn by the caller.
#[derive(Clone, Debug)]
pub struct Mint {
    /// The access token.
    pub access: NewAccess,
    /// The refresh token, if one is wanted.
    pub refresh: Option<NewRefresh>,
}

/// An access token to be.
#[derive(Clone, Debug)]
pub struct NewAccess {
    /// The token's hash.
    pub hash: Hash,
    /// When it stops being good.
    pub expires_at: Timestamp,
    /// Its scope, space-separated.
    pub scope: String,
    /// Whom it is for.
    pub aud: Vec<String>,
}

/// A refresh token to be.
#[derive(Clone, Debug)]
pub struct NewRefresh {
    /// The token's hash.
    pub hash: Hash,
    /// When it stops being good.
    pub expires_at: Timestamp,
    /// Whether the grant has `offline_access` and so hangs on the user. A refresh cannot change it.
    pub offline: bool,
}

/// What was minted belongs to; all that an ID token needs.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The session. That of an offline grant may have ended.
    pub session: Session,
    /// Whose it is.
    pub user: User,
    /// The application.
    pub app: AppId,
    /// Its client identifier.
    pub client_id: String,
    /// The `sid` by which it knows the session.
    pub sid: String,
    /// The scope that was granted at first, space-separated.
    pub scope: String,
    /// The client's nonce; none at a refresh.
    pub nonce: Option<String>,
    /// The `claims` parameter, as JSON.
    pub claims: Option<String>,
    /// When the user had last proved who they are.
    pub auth_time: Timestamp,
    /// How.
    pub acr: Option<String>,
    /// The family of the tokens.
    pub family: String,
    /// Whether the family hangs on the user.
    pub offline: bool,
}

/// Why a code is not redeemed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedeemRefusal {
    /// No such code (any more).
    #[error("there is no such code")]
    Unknown,
    /// It may not be redeemed. After [`CodeRefusal::Replayed`] its family is revoked, by the same commit.
    #[error(transparent)]
    Refused(#[from] CodeRefusal),
    /// It was redeemed for this very access token before: the same call again. Nothing is revoked.
    #[error("the code was redeemed by this very call before")]
    Repeated,
}

impl Store {
    /// Redeems a code, as [`Store::code`] gave it, and mints its tokens, under the session's lock. A caller whose access token is
    /// the same each time may call again.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when a token is not new; otherwise as everywhere.
    pub async fn redeem_code(
        &self,
        code_hash: &Hash,
        code: CodeRecord,
        mint: Mint,
        now: Timestamp,
        lifetimes: Lifetimes,
    ) -> Result<Result<Minted, RedeemRefusal>, StoreError> {
        let args = (*code_hash, code, mint, now, lifetimes);
        self.write(args, |tx, (hash, code, mint, now, lifetimes)| {
            Box::pin(redeem(tx, hash, code, mint, *now, *lifetimes))
        })
        .await
    }
}

async fn redeem(
    tx: &mut Tx,
    hash: &Hash,
    code: &CodeRecord,
    mint: &Mint,
    now: Timestamp,
    lifetimes: Lifetimes,
) -> Result<Result<Minted, RedeemRefusal>, StoreError> {
    // All else of a code stays as it was when the caller read it; this, another redemption may have changed in between. So may
    // the sweep have taken the row.
    let redeemed = ("SELECT redeemed_at FROM codes WHERE hash = $1".into(), params![hash].into());
    let locked = tx.lock_session_and_look(&code.grant.session, redeemed).await?;
    let Some((session, user, redeemed)) = locked else { return Ok(Err(RedeemRefusal::Unknown)) };
    let Some(row) = redeemed.into_iter().next() else { return Ok(Err(RedeemRefusal::Unknown)) };
    let state = CodeState {
        expires_at: code.grant.expires_at,
        redeemed: row.read().opt_time()?.is_some(),
        session: session.life(now, lifetimes, user.epoch),
    };
    let CodeRecord { grant: code, sid, .. } = code.clone();
    let mut batch = Batch::default();
    if let Err(refusal) = grant::redeem(state, now) {
        if refusal == CodeRefusal::Replayed {
            let sql = "SELECT family FROM access_tokens WHERE hash = $1";
            if tx.query_opt(sql, &params![&mint.access.hash]).await?.is_some() {
                return Ok(Err(RedeemRefusal::Repeated));
            }
            batch.revoke_family(&code.family, now);
            batch.event(&Event {
                user: Some(user.id),
                session: Some(session.id),
                party: Some(code.client_id),
                detail: Some("a code was used twice".to_owned()),
                ..Event::new(Kind::TokenReused, now)
            });
            tx.execute_all(&batch).await?;
        }
        return Ok(Err(refusal.into()));
    }
    let offline = mint.refresh.as_ref().is_some_and(|refresh| refresh.offline);
    let refresh_until = mint.refresh.as_ref().map_or(mint.access.expires_at, |refresh| refresh.expires_at);
    batch.push("UPDATE codes SET redeemed_at = $1 WHERE hash = $2", params![now, hash]);
    batch.push(
        "INSERT INTO families (id, session_id, user_id, app, client_id, sid, scope, claims, auth_time, acr, offline, \
         epoch, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        params![
            &code.family,
            &session.id,
            &user.id,
            &code.app,
            &code.client_id,
            &sid,
            &code.scope,
            code.claims.as_ref(),
            code.auth_time,
            code.acr.as_ref(),
            offline,
            user.epoch,
            now,
            refresh_until.max(mint.access.expires_at),
        ],
    );
    // The first access token dies with the session even where the refresh token outlives it (promise 1).
    batch.mint(&code.family, mint, false, now)?;
    batch.touch(&session, now, lifetimes);
    tx.finish(&batch).await?;
    Ok(Ok(Minted {
        session,
        user,
        app: code.app,
        client_id: code.client_id,
        sid,
        scope: code.scope,
        nonce: code.nonce,
        claims: code.claims,
        auth_time: code.auth_time,
        acr: code.acr,
        family: code.family,
        offline,
    }))
}

impl Batch {
    /// Writes the tokens of a family.
    pub(crate) fn mint(&mut self, family: &str, mint: &Mint, offline: bool, now: Timestamp) -> Result<(), StoreError> {
        self.push(
            "INSERT INTO access_tokens (hash, family, scope, aud, offline, issued_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            params![
                &mint.access.hash,
                family,
                &mint.access.scope,
                &to_json(&mint.access.aud)?,
                offline,
                now,
                mint.access.expires_at,
            ],
        );
        if let Some(refresh) = &mint.refresh {
            self.push(
                "INSERT INTO refresh_tokens (hash, family, issued_at, expires_at) VALUES ($1, $2, $3, $4)",
                params![&refresh.hash, family, now, refresh.expires_at],
            );
        }
        Ok(())
    }

    pub(crate) fn revoke_family(&mut self, family: &str, now: Timestamp) {
        self.push("UPDATE families SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL", params![now, family]);
    }

    /// Counts as activity of a session that is known to live.
    pub(crate) fn touch(&mut self, session: &Session, now: Timestamp, lifetimes: Lifetimes) {
        if session.is_worth_touching(now, lifetimes) {
            self.push(
                "UPDATE sessions SET last_seen_at = $1 WHERE id = $2 AND ended_at IS NULL AND last_seen_at < $1",
                params![now, &session.id],
            );
        }
    }
}
