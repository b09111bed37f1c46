//! What the delivery worker needs of the rest of the house: the store's outbox, and a fresh request for each attempt.

mod saml;
mod upstream;
mod webhook;

use std::{borrow::Cow, sync::Arc, time::Duration};

use acquit_core::{
    Timestamp,
    delivery::{LEASE, SUPERSEDED},
    step::{Outcome, Step, Target},
};
use acquit_delivery::{
    egress::Outgoing,
    worker::{Attempted, Compose, ComposeError, Composed, Outbox, OutboxError},
};
use acquit_oidc::{
    jose::{Algorithm, LogoutSubject, LogoutTokenClaims},
    logout_token,
};
use acquit_store::{Store, StoreError, logout::Lease, outbox::AttemptRecord};
use axum::http::HeaderValue;

use crate::{clock::Clock, failpoint, keys::Keys, random};

/// The store's outbox, for one node.
pub struct StoreOutbox {
    store: Store,
    clock: Arc<dyn Clock>,
    node: String,
}

impl StoreOutbox {
    /// The outbox of `store`, claimed for `node`.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, node: String) -> Self {
        Self { store, clock, node }
    }
}

fn outbox_error(error: StoreError) -> OutboxError {
    match error {
        StoreError::Unavailable(_) | StoreError::Conflict(_) => OutboxError::Unavailable(error.to_string()),
        error => OutboxError::Rejected(error.to_string()),
    }
}

impl Outbox for StoreOutbox {
    async fn claim(&self, now: Timestamp, limit: usize, exclude: &[String]) -> Result<Vec<Step>, OutboxError> {
        let lease = Lease { node: self.node.clone(), until: now.plus(LEASE) };
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.store.claim_due(now, lease, limit, exclude).await.map_err(outbox_error)
    }

    async fn record(&self, batch: &[Attempted]) -> Result<(), OutboxError> {
        failpoint::hit("attempt-made");
        for attempted in batch {
            if let Some(detail) = &attempted.operator_detail {
                // With addresses: for operators, never for the receipt.
                tracing::warn!(step = %attempted.step.id, party = %attempted.step.party, detail, "an attempt failed");
            }
        }
        let now = self.clock.now();
        let records = batch
            .iter()
            .map(|attempted| AttemptRecord {
                step: attempted.step.id.clone(),
                logout: attempted.step.logout.clone(),
                node: self.node.clone(),
                attempt: attempted.attempt.clone(),
                update: attempted.update.clone(),
                at: now,
            })
            .collect();
        self.store.record_attempts(records).await.map_err(outbox_error)
    }

    async fn drain(&self, destination: &str, now: Timestamp) -> Result<(), OutboxError> {
        self.store.make_due(destination, now).await.map(drop).map_err(outbox_error)
    }

    async fn next_due(&self, exclude: &[String]) -> Result<Option<Timestamp>, OutboxError> {
        self.store.next_due(exclude).await.map_err(outbox_error)
    }

    /// In the words that the store keeps it by.
    fn destination(&self, step: &Step) -> String {
        step.target.uri().map(acquit_store::outbox::destination).unwrap_or_default()
    }
}

pub use saml::{Carried, EXPIRED, Ours, PARTIAL, Parties, carry, said};
pub use upstream::Upstreams;
pub use webhook::Webhooks;

/// Makes the requests: a logout token, a LogoutRequest or an event, signed anew for each attempt.
pub struct Composer {
    store: Store,
    keys: Keys,
    issuer: String,
    deadline: Duration,
    parties: Option<Arc<dyn Parties>>,
    upstreams: Option<Upstreams>,
    webhooks: Option<Webhooks>,
}

impl Composer {
    /// Makes requests in the name of `issuer`, for steps that are tried for `deadline`.
    #[must_use]
    pub fn new(store: Store, keys: Keys, issuer: String, deadline: Duration) -> Self {
        Self { store, keys, issuer, deadline, parties: None, upstreams: None, webhooks: None }
    }

    /// With the keys for SAML. Without them SAML steps wait.
    #[must_use]
    pub fn with_saml(mut self, parties: Arc<dyn Parties>) -> Self {
        self.parties = Some(parties);
        self
    }

    /// With what identity providers are spoken to with. Without it their steps wait.
    #[must_use]
    pub fn with_upstreams(mut self, upstreams: Upstreams) -> Self {
        self.upstreams = Some(upstreams);
        self
    }

    /// With what webhooks are signed with. Without it their steps wait.
    #[must_use]
    pub fn with_webhooks(mut self, webhooks: Webhooks) -> Self {
        self.webhooks = Some(webhooks);
        self
    }
}

/// What a step says now, for the worker and for the browser's hops alike: one that names the user alone must not reach a
/// session that began after the logout. Steps are tried for `deadline`.
///
/// # Errors
/// [`ComposeError`]: the store could not say, or the step is superseded.
pub async fn target_now<'a>(
    store: &Store,
    deadline: Duration,
    step: &'a Step,
) -> Result<Cow<'a, Target>, ComposeError> {
    if step.outcome == Outcome::Confirmed
        && step.target.saml().is_some()
        && let Some(named) = step.target.naming_the_ended()
    {
        // Told once more: by name, since a newer session may begin meanwhile.
        return Ok(Cow::Owned(named));
    }
    if !step.target.names_subject_alone() {
        return Ok(Cow::Borrowed(&step.target));
    }
    let planned_at = step.deadline.minus(deadline);
    let newer = store
        .newer_participant(&step.user, &step.party, planned_at)
        .await
        .map_err(|error| ComposeError::NotNow(error.to_string()))?;
    if !newer {
        return Ok(Cow::Borrowed(&step.target));
    }
    let named = step.target.naming_the_ended().ok_or_else(|| ComposeError::Final(SUPERSEDED.to_owned()))?;
    Ok(Cow::Owned(named))
}

impl Compose for Composer {
    async fn compose(&self, step: &Step, now: Timestamp) -> Result<Composed, ComposeError> {
        let target = target_now(&self.store, self.deadline, step).await?;
        if let Target::SamlSoap { uri, named } = target.as_ref() {
            return saml::soap(self.parties.as_deref(), uri, named, target.note(), now);
        }
        if let Target::Revocation { uri, connection, upstream, token } = target.as_ref() {
            let missing = || ComposeError::NotNow("nothing to open the tokens with".to_owned());
            let upstreams = self.upstreams.as_ref().ok_or_else(missing)?;
            let (ours, which) = ((&self.store, &self.keys), (connection, upstream));
            return upstreams.revocation(ours, uri, which, *token, now).await;
        }
        if let Target::Webhook { uri, endpoint, notice } = target.as_ref() {
            let missing = || ComposeError::NotNow("nothing to sign webhooks with".to_owned());
            let webhooks = self.webhooks.as_ref().ok_or_else(missing)?;
            return webhooks.event(&self.store, step, (uri, endpoint.as_ref(), notice), now).await;
        }
        let Target::Backchannel { uri, client_id, alg, subject, sid, .. } = target.as_ref() else {
            return Err(ComposeError::Final("this step is not sent from the server".to_owned()));
        };
        let alg = Algorithm::parse(alg).ok_or_else(|| ComposeError::Final(format!("no such algorithm: {alg}")))?;
        let key =
            self.keys.signing(alg, now).ok_or_else(|| ComposeError::NotNow(format!("no key for {}", alg.as_str())))?;
        let jti = random::secret().map_err(|error| ComposeError::NotNow(error.to_string()))?;
        let subject = match sid {
            Some(sid) => LogoutSubject::Session { sid: sid.clone(), sub: Some(subject.clone()) },
            None => LogoutSubject::User { sub: subject.clone() },
        };
        let claims = LogoutTokenClaims::new(&self.issuer, client_id, jti, now, subject);
        let token = key.key.sign_logout_token(&claims).map_err(|error| ComposeError::NotNow(error.to_string()))?;
        let body = logout_token::body(&token);
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let key_age = Some(now.since(key.signs_from));
        Ok(Composed { request: Outgoing::post(uri, form, body), key_age, reader: None })
    }
}
