//! The one call in which every door's logout ends: deny, end and plan in one transaction, tell at once, wait briefly.

use std::time::Duration;

use acquit_core::{
    LogoutId, SessionId,
    delivery::LEASE,
    plan::{By, Request, Scope, Tell},
    session::Session,
    step::{Channel, Outcome, Step, Target},
};
use acquit_store::{
    StoreError,
    logout::{Lease, LogoutOrder, NothingDone},
    replay::Once,
};
use tokio::{sync::broadcast, time::timeout};

use crate::{
    App, failpoint,
    random::{self, NoRandomness},
};

/// How long the application that asked is waited for, so that the browser does not come back to it too early.
const ASKER_CAP: Duration = Duration::from_millis(300);
/// How long this node's gateway is waited for: it is here, and a page that says `pending` of it would be old when it is read.
const GATEWAY_CAP: Duration = Duration::from_millis(150);
/// How long the others are waited for.
const OTHERS_CAP: Duration = Duration::from_millis(30);

/// What a door asks for, once it has checked the right to it.
#[derive(Clone, Debug)]
pub struct Order {
    /// What ends.
    pub scope: Scope,
    /// Who asked.
    pub by: By,
    /// The application or the operator's token that asked, by id.
    pub party: Option<String>,
    /// Why, where it is not plain from `by`.
    pub reason: Option<String>,
    /// Whom to tell.
    pub tell: Tell,
    /// From which address.
    pub ip: Option<String>,
    /// The session of the browser that is here, if one is.
    pub browser: Option<SessionId>,
    /// The sessions that a SAML application named itself, where `scope` is wider than they are (its `single_logout` is
    /// "user"): it is told of its others.
    pub named: Vec<SessionId>,
}

/// A logout that is durable.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its id.
    pub logout: LogoutId,
    /// The key of its receipt's page.
    pub receipt_key: String,
    /// Whether everything had been ended before, by the logout of this id.
    pub repeated: bool,
    /// The sessions that it ended.
    pub ended: Vec<SessionId>,
    /// Its steps as planned; empty for a repeated one.
    pub steps: Vec<Step>,
}

impl Done {
    /// The receipt's page, with its key.
    #[must_use]
    pub fn receipt_url(&self) -> String {
        format!("/logouts/{}?key={}", self.logout, self.receipt_key)
    }

    /// The frames that this browser is to load.
    pub fn frames<'a>(&'a self, browser: &'a SessionId) -> impl Iterator<Item = &'a Step> {
        self.steps.iter().filter(move |step| {
            let framed = match &step.target {
                Target::SamlHop { frame, .. } => *frame,
                _ => step.channel == Some(Channel::Frontchannel),
            };
            framed && step.outcome == Outcome::Pending && step.session.as_ref() == Some(browser)
        })
    }
}

impl Done {
    /// The applications that this browser is to visit, one after the other.
    pub fn hops<'a>(&'a self, browser: &'a SessionId) -> impl Iterator<Item = &'a Step> {
        self.steps.iter().filter(move |step| {
            step.target.is_hop() && step.outcome == Outcome::Pending && step.session.as_ref() == Some(browser)
        })
    }
}

/// Why a logout is not durable. It is never reported as done then.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    /// The store did not take it; this node denies what was to end, and tries again by itself. Trying again is right.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No random bytes for its id; nothing was done.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// There is no such session or user; nothing was done.
    #[error("there is no such session or user")]
    UnknownTarget,
    /// The message that asks was taken before; nothing was done now.
    #[error("this request was answered before")]
    Replayed,
}

/// Ends what `order` names, makes every step durable, makes the first attempts, and waits briefly for them.
///
/// It runs to its end even if the caller goes away, as a browser does that is closed: what was denied first is either
/// durable or kept to be tried again, and the applications are told at once.
///
/// # Errors
/// [`LogoutError`].
pub async fn log_out(app: &App, order: Order) -> Result<Done, LogoutError> {
    log_out_once(app, order, None).await
}

/// The same for a message that may ask only once, taken note of in the logout's own transaction: one that the store does not
/// take is not used up, and of the same message twice at once one is a logout. What this node tries again by itself is not
/// the message's.
///
/// # Errors
/// [`LogoutError`].
pub async fn log_out_once(app: &App, order: Order, once: Option<Once>) -> Result<Done, LogoutError> {
    let app = app.clone();
    tokio::spawn(async move { run(&app, order, once).await })
        .await
        .unwrap_or_else(|error| Err(StoreError::Unavailable(format!("the logout did not end: {error}")).into()))
}

/// Finishes the logout because of which this node refuses `session` while the store still has it alive: one that is under
/// way in another request, or one that the store did not take. Its right was checked when it was asked for.
///
/// # Errors
/// [`LogoutError`]; then the session is not ended, and nobody may be told that it is.
pub async fn finish(app: &App, session: &Session) -> Result<Done, LogoutError> {
    // Without an order it became durable a moment ago, and this finds it so.
    let order = app.denials.order_against(session).unwrap_or_else(|| Order {
        scope: Scope::Session(session.id.clone()),
        by: By::User,
        party: None,
        reason: None,
        tell: Tell::Everyone,
        ip: None,
        browser: Some(session.id.clone()),
        named: Vec::new(),
    });
    log_out(app, order).await
}

/// Returns when this node has acknowledged a logout.
async fn acknowledged(mut shut: broadcast::Receiver<LogoutId>, logout: &LogoutId) {
    while shut.recv().await.is_ok_and(|shut| shut != *logout) {}
}

async fn run(app: &App, order: Order, once: Option<Once>) -> Result<Done, LogoutError> {
    let now = app.clock.now();
    let id = LogoutId::from_random(random::id_at(now)?);
    let receipt_key = app.receipt_key(&id);
    let scope = order.scope.clone();
    app.denials.deny(&order);
    let order = LogoutOrder {
        request: Request {
            id,
            scope: order.scope,
            by: order.by,
            party: order.party,
            reason: order.reason,
            tell: order.tell,
            at: now,
            ip: order.ip,
            browser: order.browser,
            named: order.named,
            deadline: app.settings().lifetimes.logout_deadline,
        },
        lease: Some(Lease { node: app.node.clone(), until: now.plus(LEASE) }),
        receipt_key_hash: Some(random::hash(&receipt_key)),
        once,
    };
    let clients = app.clients.clone();
    let outcome = app.store.log_out(order, move |id| clients.channels(id, now)).await;
    let outcome = outcome.inspect_err(|_| app.denials.keep(&scope))?;
    match outcome {
        // It says nothing of other orders for the same, which the store may not have taken.
        Err(NothingDone::Replayed) => app.denials.withdraw(&scope),
        // Durable, or nothing to end: from here on the store refuses by itself.
        Ok(_) | Err(NothingDone::UnknownTarget) => app.denials.lift(&scope),
    }
    let shut = app.gate.watch_shut();
    app.gate.wake();
    failpoint::hit("logout-committed");
    let done = outcome.map_err(|nothing| match nothing {
        NothingDone::UnknownTarget => LogoutError::UnknownTarget,
        NothingDone::Replayed => LogoutError::Replayed,
    })?;
    let receipt_key = if done.repeated { app.receipt_key(&done.logout) } else { receipt_key };
    tracing::info!(logout = %done.logout, sessions = done.ended.len(), steps = done.steps.len(), "logged out");
    if !done.repeated {
        let at_once = done.steps.iter().filter(|step| step.next_attempt_at.is_some()).cloned().collect();
        app.worker.dispatch(at_once).wait(ASKER_CAP, OTHERS_CAP).await;
        if done.steps.iter().any(|step| step.channel == Some(Channel::Gateway)) {
            let _ = timeout(GATEWAY_CAP, acknowledged(shut, &done.logout)).await;
        }
    }
    Ok(Done {
        logout: done.logout,
        receipt_key,
        repeated: done.repeated,
        ended: done.ended,
        steps: if done.repeated { Vec::new() } else { done.steps },
    })
}
