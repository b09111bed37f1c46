//! Made-up steps and receipts.

use acquit_core::{
    AppId, LogoutId, SessionId,
    participant::Protocol,
    plan::By,
    receipt::{Attempt, Line, Receipt, Requested, State},
    step::{Channel, Outcome},
};

use crate::at;

pub(crate) fn line(party: &str, channel: Option<Channel>, outcome: Outcome, detail: Option<&str>) -> Line {
    Line {
        party: AppId::new(party),
        protocol: Protocol::Oidc,
        channel,
        session: Some(SessionId::from_random([1; 16])),
        outcome,
        detail: detail.map(str::to_owned),
        attempts: Vec::new(),
        next_attempt_at: None,
    }
}

pub(crate) fn tried(line: Line, attempts: &[(i64, Option<u16>, u32, Option<&str>)]) -> Line {
    let attempts = attempts
        .iter()
        .map(|(after, status, ms, detail)| Attempt {
            at: at(*after),
            status: *status,
            ms: *ms,
            detail: detail.map(str::to_owned),
        })
        .collect();
    Line { attempts, ..line }
}

pub(crate) const BACK: Option<Channel> = Some(Channel::Backchannel);
pub(crate) const FRONT: Option<Channel> = Some(Channel::Frontchannel);

pub(crate) fn payroll() -> Line {
    tried(line("payroll", BACK, Outcome::Confirmed, None), &[(0, Some(200), 12, None)])
}

pub(crate) fn chat() -> Line {
    line("chat", FRONT, Outcome::Sent, Some("loaded"))
}

pub(crate) fn wiki() -> Line {
    let tries = [
        (0, None, 2, Some("could not be reached")),
        (1, None, 1, Some("could not be reached")),
        (6, Some(503), 40, Some("answered 503: had an error")),
    ];
    let line = tried(line("wiki", BACK, Outcome::Pending, Some("answered 503: had an error")), &tries);
    Line { next_attempt_at: Some(at(21)), ..line }
}

pub(crate) fn crm() -> Line {
    let words = "answered 400: refused the logout (invalid_request: <b>unknown</b> \"sid\")";
    tried(line("crm", BACK, Outcome::Failed, Some(words)), &[(0, Some(400), 31, Some(words))])
}

pub(crate) fn timesheets() -> Line {
    line("timesheets", None, Outcome::Unsupported, Some("has no logout channel"))
}

pub(crate) fn receipt(scope: &'static str, by: By, sessions: Vec<SessionId>, steps: Vec<Line>) -> Receipt {
    Receipt {
        id: LogoutId::from_random([7; 16]),
        state: State::of(steps.iter().map(|step| step.outcome)),
        scope,
        requested: Requested {
            by,
            party: (by == By::Application).then(|| "payroll".to_owned()),
            reason: (by == By::Policy).then(|| "the session was not used for 12 hours".to_owned()),
            at: at(0),
            ip: (by != By::Policy).then(|| "203.0.113.24".to_owned()),
        },
        sessions,
        steps,
    }
}

pub(crate) fn name_of(party: &str) -> String {
    match party {
        "payroll" => "Payroll",
        "chat" => "Team chat",
        "wiki" => "Wiki",
        "crm" => "Customers",
        "timesheets" => "Old timesheets",
        other => other,
    }
    .to_owned()
}
