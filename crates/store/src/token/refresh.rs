//! Refreshing: `acquit_core::grant::refresh` decides, with what was read under the lock of the session or, for an offline
//! grant, of the user.

use acquit_core::{
    Timestamp,
    event::Kind,
    grant::{self, RefreshRefusal, RefreshState, Rotation},
    session::Lifetimes,
};

use super::{Grant, RefreshView, refresh_view};
use crate::{
    Hash, Store, StoreError,
    code::{Mint, Minted},
    event::Event,
    tx::{Batch, Tx},
    value::params,
};

/// Why a refresh token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshFailure {
    /// No such token (any more).
    #[error("there is no such refresh token")]
    Unknown,
    /// It is another client's: nothing was changed.
    #[error("the refresh token belongs to another client")]
    OtherClient,
    /// It may not be used. After [`RefreshRefusal::Reused`] its family is revoked, by the same commit.
    #[error(transparent)]
    Refused(#[from] RefreshRefusal),
}

impl Store {
    /// Exchanges a refresh token for new ones. Without a refresh token in `mint` the old one stays good.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when a token is not new; otherwise as everywhere.
    pub async fn refresh(
        &self,
        refresh_hash: &Hash,
        client_id: &str,
        mint: Mint,
        now: Timestamp,
        lifetimes: Lifetimes,
    ) -> Result<Result<Minted, RefreshFailure>, StoreError> {
        let args = (*refresh_hash, client_id.to_owned(), mint, now, lifetimes);
        self.write(args, |tx, (hash, client_id, mint, now, lifetimes)| {
            Box::pin(refresh(tx, hash, client_id, mint, *now, *lifetimes))
        })
        .await
    }
}

async fn refresh(
    tx: &mut Tx,
    hash: &Hash,
    client_id: &str,
    mint: &Mint,
    now: Timestamp,
    lifetimes: Lifetimes,
) -> Result<Result<Minted, RefreshFailure>, StoreError> {
    let Some(seen) = refresh_view(tx, hash).await? else { return Ok(Err(RefreshFailure::Unknown)) };
    if seen.grant.client_id != client_id {
        return Ok(Err(RefreshFailure::OtherClient));
    }
    // Take the row that a logout takes, then read again what it may have changed.
    if seen.grant.offline {
        tx.lock_user(&seen.grant.user.id).await?;
    } else {
        tx.lock_session(&seen.grant.session.id).await?;
    }
    let Some(RefreshView { expires_at, rotated_at, grant, .. }) = refresh_view(tx, hash).await? else {
        return Ok(Err(RefreshFailure::Unknown));
    };
    let overtaken = grant.offline && (grant.epoch < grant.user.epoch || grant.user.disabled);
    let state = RefreshState {
        expires_at,
        rotated_at,
        revoked: grant.revoked || overtaken,
        offline: grant.offline,
        session: grant.session.life(now, lifetimes, grant.user.epoch),
    };
    let mut batch = Batch::default();
    let rotation = match grant::refresh(state, now) {
        Ok(rotation) => rotation,
        Err(refusal) => {
            if refusal == RefreshRefusal::Reused {
                batch.revoke_family(&grant.family, now);
                batch.event(&Event {
                    user: Some(grant.user.id),
                    session: Some(grant.session.id),
                    party: Some(grant.client_id),
                    detail: Some("a refresh token was used twice".to_owned()),
                    ..Event::new(Kind::TokenReused, now)
                });
                tx.execute_all(&batch).await?;
            }
            return Ok(Err(refusal.into()));
        }
    };
    if let Some(successor) = &mint.refresh {
        if rotation == Rotation::Rotate {
            batch.push("UPDATE refresh_tokens SET rotated_at = $1 WHERE hash = $2", params![now, hash]);
        }
        batch.push(
            "UPDATE families SET expires_at = $1 WHERE id = $2 AND expires_at < $1",
            params![successor.expires_at.max(mint.access.expires_at), &grant.family],
        );
    }
    batch.mint(&grant.family, mint, grant.offline, now)?;
    batch.touch(&grant.session, now, lifetimes);
    tx.finish(&batch).await?;
    Ok(Ok(minted(grant)))
}

fn minted(grant: Grant) -> Minted {
    Minted {
        session: grant.session,
        user: grant.user,
        app: grant.app,
        client_id: grant.client_id,
        sid: grant.sid,
        scope: grant.scope,
        nonce: None,
        claims: grant.claims,
        auth_time: grant.auth_time,
        acr: grant.acr,
        family: grant.family,
        offline: grant.offline,
    }
}
