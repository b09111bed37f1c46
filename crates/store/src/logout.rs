//! Logging out, the one way in which sessions end: one transaction takes the rows in scope, reads what stands, lets
//! `acquit_core::plan` decide, ends the sessions and makes every step durable (promises 1 and 3).

mod apply;
mod scope;

use std::{fmt, sync::Arc};

use acquit_core::{
    AppId, LogoutId, SessionId, Timestamp,
    participant::Channels,
    plan::{Request, Scope, plan},
    step::Step,
};

use crate::{Hash, Store, StoreError, replay::Once, tx::Tx};

/// A node's claim on the steps that are due at once, so that it sends them itself, and how long the claim lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The node.
    pub node: String,
    /// When anybody may take over.
    pub until: Timestamp,
}

/// A logout that a door asks for.
#[derive(Clone, Debug)]
pub struct LogoutOrder {
    /// What was asked.
    pub request: Request,
    /// The node that will send the first attempts at once; without one they wait to be claimed.
    pub lease: Option<Lease>,
    /// The hash of the key that opens the receipt's page.
    pub receipt_key_hash: Option<Hash>,
    /// The message that asks, where each asks only once.
    pub once: Option<Once>,
}

/// What a logout did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedOut {
    /// The logout: the one asked for, or the earlier one where everything was ended already.
    pub logout: LogoutId,
    /// The steps of this logout, the application that asked first; none when it is a repetition.
    pub steps: Vec<Step>,
    /// The sessions that it ended.
    pub ended: Vec<SessionId>,
    /// Whether everything was ended already, so that nothing was added.
    pub repeated: bool,
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NothingDone {
    /// There is no such session or user.
    #[error("there is no such session or user")]
    UnknownTarget,
    /// The message that asks was taken before.
    #[error("this was asked for before, by the same message")]
    Replayed,
}

/// What an application's channels are now; none for an application that is gone, which is told as it was registered.
pub(crate) type ChannelsOf = Arc<dyn Fn(&AppId) -> Option<Channels> + Send + Sync>;

pub(crate) struct Args {
    pub(crate) order: LogoutOrder,
    pub(crate) channels: ChannelsOf,
}

impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.order.fmt(f)
    }
}

impl Store {
    /// Logs out. When this returns, nothing that was minted in scope works any more and every step is durable.
    ///
    /// `channels` gives what an application has registered by now, which is what its steps use.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it could not be made durable: the caller must not report success, and must deny
    /// the session meanwhile. [`StoreError::Duplicate`] when the logout's id is not new.
    pub async fn log_out(
        &self,
        order: LogoutOrder,
        channels: impl Fn(&AppId) -> Option<Channels> + Send + Sync + 'static,
    ) -> Result<Result<LoggedOut, NothingDone>, StoreError> {
        let args = Args { order, channels: Arc::new(channels) };
        self.write(args, |tx, args| Box::pin(log_out(tx, args))).await
    }
}

async fn log_out(tx: &mut Tx, args: &Args) -> Result<Result<LoggedOut, NothingDone>, StoreError> {
    // First, so that of two at once the second waits here and then changes nothing.
    if let Some(once) = &args.order.once
        && !once.take(tx).await?
    {
        return Ok(Err(NothingDone::Replayed));
    }
    let request = &args.order.request;
    let in_scope = match &request.scope {
        Scope::Session(session) => scope::session(tx, session, &args.channels).await?,
        Scope::Sessions(sessions) => scope::sessions(tx, sessions, &args.channels).await?,
        Scope::User(user) => scope::user(tx, user, request.at, &args.channels).await?,
    };
    let Some(in_scope) = in_scope else { return Ok(Err(NothingDone::UnknownTarget)) };
    let plan = plan(&in_scope.snapshot, request);
    if plan.is_empty()
        && let Some(earlier) = in_scope.earlier
    {
        return Ok(Ok(LoggedOut { logout: earlier, steps: Vec::new(), ended: Vec::new(), repeated: true }));
    }
    apply::apply(tx, &args.order, &in_scope, &plan).await?;
    let from_upstream = in_scope.snapshot.sessions.iter().filter(|share| !share.upstreams.is_empty());
    let over: Vec<&SessionId> =
        from_upstream.map(|share| &share.session).filter(|session| plan.end.contains(session)).collect();
    if !over.is_empty() {
        tx.upstreams_over(&over, request.at).await?;
    }
    Ok(Ok(LoggedOut { logout: request.id.clone(), steps: plan.steps, ended: plan.end, repeated: false }))
}
