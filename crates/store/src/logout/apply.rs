//! Writing a plan down: all of it in the transaction that read its snapshot.

use acquit_core::{
    SessionId,
    event::{Facts, Kind},
    plan::Plan,
    receipt::State,
    step::{Channel, Outcome, Step},
};

use super::{Lease, LogoutOrder, scope::InScope};
use crate::{
    StoreError,
    column::to_json,
    event::Event,
    outbox::destination,
    receipt::settled,
    tx::{Batch, Tx},
    value::params,
};

pub(super) async fn apply(tx: &mut Tx, order: &LogoutOrder, in_scope: &InScope, plan: &Plan) -> Result<(), StoreError> {
    let request = &order.request;
    let user = &in_scope.user;
    let through = in_scope.through();
    let through = through.as_ref();
    let mut batch = Batch::default();
    let state = State::of(plan.steps.iter().map(|step| step.outcome));
    let settled_at = (state != State::InProgress).then_some(request.at);
    batch.push(
        "INSERT INTO logouts (id, scope, user_id, requested_by, party, reason, at, ip, state, sessions, key_hash, \
         settled_at, connection, organization) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        params![
            &request.id,
            request.scope.as_str(),
            user,
            request.by.as_str(),
            request.party.as_ref(),
            request.reason.as_ref(),
            request.at,
            request.ip.as_ref(),
            state.as_str(),
            &to_json(&plan.end)?,
            order.receipt_key_hash.as_ref(),
            settled_at,
            through.map(|through| &through.connection),
            through.and_then(|through| through.organization.as_ref()),
        ],
    );
    batch.event(&Event {
        user: Some(user.clone()),
        logout: Some(request.id.clone()),
        party: request.party.clone(),
        ip: request.ip.clone(),
        detail: Some(format!(
            "{} of {}: {} to end, {} to tell{}",
            request.by.as_str(),
            request.scope.as_str(),
            plan.end.len(),
            plan.steps.len(),
            request.reason.as_ref().map(|why| format!("; {why}")).unwrap_or_default(),
        )),
        facts: Facts { reason: request.reason.clone(), ..facts(order, plan, None) },
        ..Event::new(Kind::LogoutPlanned, request.at)
    });
    for session in &plan.end {
        batch.push(
            "UPDATE sessions SET ended_at = $1, logout_id = $2 WHERE id = $3 AND ended_at IS NULL",
            params![request.at, &request.id, session],
        );
        batch.revoked_session(session, request.at);
        batch.event(&Event {
            user: Some(user.clone()),
            session: Some(session.clone()),
            logout: Some(request.id.clone()),
            party: request.party.clone(),
            ip: request.ip.clone(),
            connection: through.map(|through| through.connection.clone()),
            organization: through.and_then(|through| through.organization.clone()),
            facts: facts(order, plan, Some(session)),
            ..Event::new(Kind::SessionEnded, request.at)
        });
    }
    for (session, app) in &plan.close {
        batch.push(
            "UPDATE participants SET closed_at = $1 WHERE session_id = $2 AND app = $3 AND closed_at IS NULL",
            params![request.at, session, app],
        );
    }
    if plan.revoke_offline {
        batch.push(
            "UPDATE families SET revoked_at = $1 WHERE user_id = $2 AND revoked_at IS NULL",
            params![request.at, user],
        );
    }
    for (number, step) in plan.steps.iter().enumerate() {
        let lease = order.lease.as_ref().filter(|_| step.next_attempt_at.is_some_and(|at| at <= request.at));
        batch.step(number, step, lease, false)?;
        if step.outcome == Outcome::Unsupported {
            batch.step_event(step, None, step.outcome, step.detail.as_deref(), request.at);
        }
    }
    for (number, notice) in plan.notices.iter().enumerate() {
        // With nothing to wait for, it is due at once.
        let notice = Step { next_attempt_at: settled_at, ..notice.clone() };
        batch.step(plan.steps.len() + number, &notice, None, true)?;
    }
    if let (Some(through), Some(now)) = (through, settled_at) {
        let facts = Facts {
            by: Some(request.by.as_str().to_owned()),
            scope: Some(request.scope.as_str().to_owned()),
            ..Facts::NONE
        };
        settled(&mut batch, (&request.id, user), through, state, facts, now);
    }
    tx.execute_all(&batch).await?;
    Ok(())
}

/// What the log says of the whole logout, or of one session that it ends: how many logout requests its receipt holds.
/// No step is added to a logout later, so the numbers are final as they are written.
fn facts(order: &LogoutOrder, plan: &Plan, session: Option<&SessionId>) -> Facts {
    let request = &order.request;
    let (mut oidc, mut saml) = (0, 0);
    for step in plan.steps.iter().filter(|step| session.is_none() || step.session.as_ref() == session) {
        match step.channel {
            Some(Channel::Backchannel | Channel::Frontchannel) => oidc += 1,
            Some(Channel::SamlRedirect | Channel::SamlPost | Channel::SamlSoap) => saml += 1,
            Some(Channel::Revocation | Channel::EndSession | Channel::Webhook | Channel::Gateway) | None => {}
        }
    }
    Facts {
        by: Some(request.by.as_str().to_owned()),
        scope: Some(request.scope.as_str().to_owned()),
        oidc_requests: Some(oidc),
        saml_requests: Some(saml),
        own_browser: session.is_some() && request.browser.as_ref() == session,
        ..Facts::NONE
    }
}

impl Batch {
    fn step(&mut self, number: usize, step: &Step, lease: Option<&Lease>, notice: bool) -> Result<(), StoreError> {
        self.push(
            "INSERT INTO steps (id, logout_id, number, party, protocol, channel, user_id, session_id, target, destination, \
             outcome, detail, attempts, next_attempt_at, deadline, goes_first, tell_again, key_retried, due_at, \
             lease_node, lease_until, notice) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
             $17, $18, $19, $20, $21, $22)",
            params![
                &step.id,
                &step.logout,
                i64::try_from(number).unwrap_or(i64::MAX),
                &step.party,
                step.protocol.as_str(),
                step.channel.map(Channel::as_str),
                &step.user,
                step.session.as_ref(),
                &to_json(&step.target)?,
                &destination(step.target.uri().unwrap_or_default()),
                step.outcome.as_str(),
                step.detail.as_ref(),
                step.attempts,
                step.next_attempt_at,
                step.deadline,
                step.first,
                step.again,
                step.key_retried,
                lease.map(|lease| lease.until).or(step.next_attempt_at),
                lease.map(|lease| &lease.node),
                lease.map(|lease| lease.until),
                notice,
            ],
        );
        Ok(())
    }
}
