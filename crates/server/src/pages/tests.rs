//! What holds for every page, and the marks that are a contract.

mod every;
mod marks;

use std::time::Duration;

use acquit_core::{
    AppId, LogoutId, SessionId, Timestamp,
    participant::Protocol,
    plan::By,
    receipt::{Attempt, Line, Receipt, Requested, State},
    step::{Channel, Outcome},
};

use super::{
    FormTargets, Hidden, Moment, Page,
    account::{Account, Done, SessionEntry},
    apps::{AppEntry, Apps},
    consent::Consent,
    error::{ErrorPage, Kind},
    forbidden::Forbidden,
    form_post::FormPost,
    hop::{Carry, Hop},
    outcome,
    receipt::ReceiptPage,
    sign_in::{ConnectionLink, Notice, Problem, SignIn},
    sign_out_confirm::SignOutConfirm,
    signed_out::{Ending, SignedOut},
    signing_out::{Frame, SigningOut},
};

/// A page as it leaves the door.
struct Sent {
    name: &'static str,
    html: String,
    csp: String,
}

fn sent(name: &'static str, page: &impl Page) -> Sent {
    Sent { name, html: page.html().unwrap(), csp: page.csp() }
}

fn now() -> Moment {
    Timestamp::from_seconds(1_795_241_256).into()
}

fn sign_in(text: &str) -> SignIn {
    SignIn {
        csrf: text.into(),
        continue_with: text.into(),
        application: Some(text.into()),
        username: text.into(),
        problem: Some(Problem::TooManyTries { again_at: now() }),
        notice: Some(Notice::AgainPlease),
        current: Some(text.into()),
        connections: vec![ConnectionLink { id: text.into(), name: text.into(), href: text.into() }],
        targets: FormTargets::And(vec![text.into()]),
    }
}

fn consent(text: &str) -> Consent {
    Consent {
        action: text.into(),
        hidden: vec![Hidden::new(text, text)],
        application: text.into(),
        host: Some(text.into()),
        user: text.into(),
        scopes: vec!["openid".into(), text.into()],
        targets: FormTargets::And(vec![text.into()]),
    }
}

fn confirm(text: &str) -> SignOutConfirm {
    SignOutConfirm {
        action: text.into(),
        hidden: vec![Hidden::new(text, text)],
        user: text.into(),
        application: Some(text.into()),
        told: vec![text.into()],
        not_told: vec![text.into()],
        targets: FormTargets::And(vec![text.into()]),
    }
}

fn signing_out(text: &str) -> SigningOut {
    SigningOut {
        frames: vec![Frame { id: text.into(), name: text.into(), url: text.into() }],
        continue_to: text.into(),
        continue_name: Some(text.into()),
        cap: Duration::from_millis(4_500),
        report_to: text.into(),
        report_token: text.into(),
    }
}

fn hop(text: &str, carry: Carry) -> Hop {
    Hop { application: text.into(), carry, skip: text.into() }
}

fn line(party: &str, channel: Option<Channel>, outcome: Outcome, detail: &str) -> Line {
    Line {
        party: AppId::new(party),
        protocol: Protocol::Oidc,
        channel,
        session: Some(SessionId::from_random([1; 16])),
        outcome,
        detail: Some(detail.to_owned()),
        attempts: vec![Attempt { at: now().0, status: Some(400), ms: 12, detail: Some(format!("{detail}.")) }],
        next_attempt_at: (outcome == Outcome::Pending).then(|| now().0),
    }
}

fn signed_out(text: &str, ending: Ending) -> SignedOut {
    let lines = [line(text, None, Outcome::Failed, text), line("other", None, Outcome::Pending, text)];
    SignedOut {
        ending,
        at: Some(now()),
        apps: outcome::apps(&lines, |_| text.to_owned()),
        receipt: Some(text.into()),
        sign_in: text.into(),
    }
}

fn error_page(text: &str, kind: Kind) -> ErrorPage {
    ErrorPage {
        kind,
        parameter: Some(text.into()),
        reason: text.into(),
        application: Some(text.into()),
        sign_out: Some(text.into()),
        onward: Some(text.into()),
        reference: Some(text.into()),
    }
}

fn account(text: &str) -> Account {
    let entry = |this_browser| SessionEntry {
        id: text.into(),
        this_browser,
        device: text.into(),
        address: Some(text.into()),
        since: now(),
        last_used: now(),
        apps: vec![text.into(), text.into()],
    };
    Account {
        username: text.into(),
        email: Some(text.into()),
        targets: FormTargets::Own,
        csrf: text.into(),
        sessions: vec![entry(true), entry(false)],
        done: Some(Done { device: text.into(), receipt: Some(text.into()) }),
    }
}

fn receipt_of(text: &str, lines: Vec<Line>) -> Receipt {
    Receipt {
        id: LogoutId::from_random([7; 16]),
        state: State::of(lines.iter().map(|line| line.outcome)),
        scope: "user",
        requested: Requested {
            by: By::Application,
            party: Some(text.to_owned()),
            reason: Some(text.to_owned()),
            at: now().0,
            ip: Some(text.to_owned()),
        },
        sessions: vec![SessionId::from_random([1; 16]), SessionId::from_random([2; 16])],
        steps: lines,
    }
}

fn receipt(text: &str) -> ReceiptPage {
    let lines = vec![
        line("payroll", Some(Channel::Backchannel), Outcome::Confirmed, text),
        line("chat", Some(Channel::Frontchannel), Outcome::Sent, text),
        line("wiki", Some(Channel::Backchannel), Outcome::Pending, text),
        line(text, Some(Channel::Backchannel), Outcome::Failed, text),
        line("timesheets", None, Outcome::Unsupported, text),
    ];
    let page = ReceiptPage::of(&receipt_of(text, lines), |_| text.to_owned(), |_| Some(text.to_owned()));
    ReceiptPage { tokens_until: Some(now()), deadline: Some(now()), id: text.into(), scope: text.into(), ..page }
}

fn form_post(text: &str) -> FormPost {
    FormPost { action: text.into(), hidden: vec![Hidden::new(text, text)], application: text.into() }
}

/// Every page, with `text` in every field that holds text.
fn forbidden(text: &str) -> Forbidden {
    Forbidden { application: text.into(), user: text.into(), apps: text.into(), sign_out: text.into() }
}

fn apps(text: &str) -> Apps {
    Apps {
        user: text.into(),
        email: Some(text.into()),
        groups: vec![text.into()],
        apps: vec![AppEntry { name: text.into(), url: text.into(), here: true }],
        account: text.into(),
        sign_out: text.into(),
    }
}

fn every_page(text: &str) -> Vec<Sent> {
    vec![
        sent("sign-in", &sign_in(text)),
        sent("consent", &consent(text)),
        sent("sign-out-confirm", &confirm(text)),
        sent("signing-out", &signing_out(text)),
        sent("signing-out", &hop(text, Carry::Link(text.into()))),
        sent("signing-out", &hop(text, Carry::Form { action: text.into(), hidden: vec![Hidden::new(text, text)] })),
        sent("signed-out", &signed_out(text, Ending::SignedOut)),
        sent("signed-out", &signed_out(text, Ending::HereOnly)),
        sent("signed-out", &signed_out(text, Ending::NobodyWasSignedIn)),
        sent("signed-out", &signed_out(text, Ending::LivesElsewhere)),
        sent("error", &error_page(text, Kind::BadRequest)),
        sent("error", &error_page(text, Kind::TooMany(Some(now())))),
        sent("account", &account(text)),
        sent("receipt", &receipt(text)),
        sent("forbidden", &forbidden(text)),
        sent("apps", &apps(text)),
        sent("form-post", &form_post(text)),
    ]
}
