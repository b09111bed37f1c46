//! Authorization codes: issued together with the participant that they make, redeemed once, dead with their session.

mod redeem;

use acquit_core::{
    AppId, SessionId, Timestamp, UserId,
    participant::Participant,
    session::{Life, Lifetimes},
};

use crate::{
    Hash, Store, StoreError,
    tx::{Batch, Tx},
    value::params,
};

pub use redeem::{Mint, Minted, NewAccess, NewRefresh, RedeemRefusal};

/// A proof key's challenge (RFC 7636).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkce {
    /// The challenge.
    pub challenge: String,
    /// The method: `S256` or `plain`.
    pub method: String,
}

/// What a code stands for; it never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeGrant {
    /// The session.
    pub session: SessionId,
    /// The application.
    pub app: AppId,
    /// Its client identifier.
    pub client_id: String,
    /// Where the code is sent, byte for byte.
    pub redirect_uri: String,
    /// The scope that is granted, space-separated.
    pub scope: String,
    /// The client's nonce.
    pub nonce: Option<String>,
    /// The proof key's challenge, if there was one.
    pub pkce: Option<Pkce>,
    /// The `claims` parameter, as JSON.
    pub claims: Option<String>,
    /// When the user last proved who they are.
    pub auth_time: Timestamp,
    /// How.
    pub acr: Option<String>,
    /// The name, drawn by the caller, of all that will come of this authorization; replaying the code revokes it.
    pub family: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it stops being good.
    pub expires_at: Timestamp,
}

/// A code that is to be issued, and the participant that it makes.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// The code's hash.
    pub hash: Hash,
    /// What it stands for.
    pub grant: CodeGrant,
    /// The application, as a participant of the session.
    pub participant: Participant,
}

/// A code that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRecord {
    /// What it stands for.
    pub grant: CodeGrant,
    /// Whose session it is.
    pub user: UserId,
    /// The `sid` by which the application knows the session.
    pub sid: String,
    /// When it was redeemed, if it was.
    pub redeemed_at: Option<Timestamp>,
}

/// The session does not live, so nothing is minted in it: the user must sign in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session has ended")]
pub struct SessionEnded;

impl Store {
    /// Issues a code, and makes the application a participant of the session: both or neither, under the session's lock.
    /// An application that takes part already keeps its `sid`; its channels and the time it joined become those given.
    /// Returns the participant's `sid`.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the code or the `sid` is not new; otherwise as everywhere.
    pub async fn issue_code(
        &self,
        code: NewCode,
        lifetimes: Lifetimes,
    ) -> Result<Result<String, SessionEnded>, StoreError> {
        self.write((code, lifetimes), |tx, (code, lifetimes)| Box::pin(issue(tx, code, *lifetimes))).await
    }

    /// A code as it was issued, for the checks that come before redeeming it.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn code(&self, code_hash: &Hash) -> Result<Option<CodeRecord>, StoreError> {
        self.read(*code_hash, |tx, hash| Box::pin(record(tx, hash))).await
    }
}

async fn issue(tx: &mut Tx, code: &NewCode, lifetimes: Lifetimes) -> Result<Result<String, SessionEnded>, StoreError> {
    let NewCode { grant, participant, .. } = code;
    let Some((session, user, known)) = tx.lock_to_join(participant).await? else { return Ok(Err(SessionEnded)) };
    if session.life(grant.issued_at, lifetimes, user.epoch) != Life::Live {
        return Ok(Err(SessionEnded));
    }
    let mut batch = Batch::default();
    let sid = batch.join(known.as_ref(), &session.user, participant)?;
    batch.code(code);
    tx.finish(&batch).await?;
    Ok(Ok(sid))
}

impl Batch {
    /// Writes a code.
    pub(crate) fn code(&mut self, code: &NewCode) {
        let grant = &code.grant;
        self.push(
            "INSERT INTO codes (hash, session_id, app, client_id, redirect_uri, scope, nonce, pkce_challenge, pkce_method, \
             claims, auth_time, acr, family, issued_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            params![
                &code.hash,
                &grant.session,
                &grant.app,
                &grant.client_id,
                &grant.redirect_uri,
                &grant.scope,
                grant.nonce.as_ref(),
                grant.pkce.as_ref().map(|pkce| &pkce.challenge),
                grant.pkce.as_ref().map(|pkce| &pkce.method),
                grant.claims.as_ref(),
                grant.auth_time,
                grant.acr.as_ref(),
                &grant.family,
                grant.issued_at,
                grant.expires_at,
            ],
        );
    }
}

async fn record(tx: &mut Tx, hash: &Hash) -> Result<Option<CodeRecord>, StoreError> {
    let row = tx
        .query_opt(
            "SELECT c.session_id, c.app, c.client_id, c.redirect_uri, c.scope, c.nonce, c.pkce_challenge, \
             c.pkce_method, c.claims, c.auth_time, c.acr, c.family, c.issued_at, c.expires_at, p.user_id, p.sid, \
             c.redeemed_at FROM codes c JOIN participants p ON p.session_id = c.session_id AND p.app = c.app \
             WHERE c.hash = $1",
            &params![hash],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let mut row = row.read();
    let grant = CodeGrant {
        session: row.session_id()?,
        app: row.app_id()?,
        client_id: row.text()?,
        redirect_uri: row.text()?,
        scope: row.text()?,
        nonce: row.opt_text()?,
        pkce: match (row.opt_text()?, row.opt_text()?) {
            (Some(challenge), Some(method)) => Some(Pkce { challenge, method }),
            _ => None,
        },
        claims: row.opt_text()?,
        auth_time: row.time()?,
        acr: row.opt_text()?,
        family: row.text()?,
        issued_at: row.time()?,
        expires_at: row.time()?,
    };
    Ok(Some(CodeRecord { grant, user: row.user_id()?, sid: row.text()?, redeemed_at: row.opt_time()? }))
}
