//! What is drawn: worlds, steps, answers.

use std::time::Duration;

use acquit_core::{
    AppId, LogoutId, SessionId, Timestamp, UserId,
    delivery::{Answer, Said, Trouble},
    participant::{
        BackChannel, Channels, FrontChannel, HopBinding, Participant, Preference, Protocol, SamlChannel, SamlHop,
    },
    plan::{By, OfflineGrant, Request, Scope, SessionShare, Snapshot, Tell, plan},
    step::{Outcome, Step},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
const APPS: [&str; 5] = ["a", "b", "c", "d", GATEWAY];
/// The one behind the gateway.
const GATEWAY: &str = "e";
/// Those of them that speak SAML.
const SAML: [&str; 2] = ["c", "d"];

pub(crate) fn session(n: u8) -> SessionId {
    SessionId::from_random([n; 16])
}

fn user(n: u8) -> UserId {
    UserId::from_random([n; 16])
}

fn saml_channel() -> impl Strategy<Value = SamlChannel> {
    let hop = option::of(select(vec![HopBinding::Redirect, HopBinding::Post]));
    (any::<bool>(), hop, any::<bool>(), any::<bool>()).prop_map(|(soap, hop, frame, session_index_required)| {
        let uri = || "https://app.test/slo".to_owned();
        let hop = hop.map(|binding| SamlHop { binding, uri: uri(), response_uri: None });
        SamlChannel { soap: soap.then(uri), hop, frame, session_index_required, expired: false }
    })
}

fn channels() -> impl Strategy<Value = Channels> {
    let preference = select(vec![Preference::BackChannel, Preference::FrontChannel, Preference::Both]);
    (any::<bool>(), option::of(any::<bool>()), preference, any::<bool>(), option::of(saml_channel())).prop_map(
        |(back, front, preference, expiry, saml)| Channels {
            back: back.then(|| BackChannel { uri: "https://app.test/b".to_owned(), alg: "ES256".to_owned() }),
            front: front
                .map(|session_required| FrontChannel { uri: "https://app.test/f".to_owned(), session_required }),
            preference,
            tell_on_expiry: expiry,
            saml,
            webhooks: Vec::new(),
        },
    )
}

fn participant(n: u8, app: &str, age: i64, channels: Channels) -> Participant {
    Participant {
        session: session(n),
        app: AppId::new(app),
        protocol: match app {
            GATEWAY => Protocol::Gateway,
            app if SAML.contains(&app) => Protocol::Saml,
            _ => Protocol::Oidc,
        },
        client_id: format!("client-{app}"),
        subject: "sub".to_owned(),
        sid: format!("sid-{n}-{app}"),
        joined_at: Timestamp::from_micros(NOW.as_micros() - age),
        channels,
        name_id: None,
        not_on_or_after: None,
    }
}

/// A session's share: each application at most once.
fn share(n: u8) -> impl Strategy<Value = SessionShare> {
    let apps = proptest::sample::subsequence(APPS.to_vec(), 0..=APPS.len());
    (any::<bool>(), apps, vec((-20_000_000i64..20_000_000, channels()), APPS.len())).prop_map(
        move |(live, apps, drawn)| {
            let participants =
                apps.into_iter().zip(drawn).map(|(app, (age, channels))| participant(n, app, age, channels)).collect();
            SessionShare { session: session(n), user: user(n % 2), live, participants, upstreams: Vec::new() }
        },
    )
}

/// A snapshot and a request that fit each other, as a store reads them.
pub(crate) fn world() -> impl Strategy<Value = (Snapshot, Request)> {
    let shares = (0..5usize).prop_flat_map(|n| (1..=n).map(|n| share(u8::try_from(n).unwrap())).collect::<Vec<_>>());
    let grants = vec((20u8..24, select(APPS[..2].to_vec()), channels()), 0..4);
    let by = select(vec![By::Application, By::User, By::Upstream, By::Administrator, By::Policy]);
    let tell = select(vec![Tell::Everyone, Tell::NobodyElse, Tell::Expiry]);
    let party = option::of(select(APPS.to_vec()));
    (any::<bool>(), shares, grants, by, tell, party, option::of(0u8..5), vec(1u8..5, 0..3)).prop_map(
        |(wide, mut sessions, grants, by, tell, party, browser, named)| {
            let scope = if wide { Scope::User(user(1)) } else { Scope::Session(session(1)) };
            sessions.truncate(if wide { 5 } else { 1 });
            let offline = grants.into_iter().filter(|_| wide).map(|(n, app, channels)| OfflineGrant {
                user: user(1),
                participant: participant(n, app, 0, channels),
            });
            let snapshot = Snapshot { offline: offline.collect(), sessions };
            let request = Request {
                id: LogoutId::from_random([3; 16]),
                scope,
                by,
                party: party.map(str::to_owned),
                reason: None,
                tell,
                at: NOW,
                ip: None,
                browser: browser.map(session),
                named: named.into_iter().filter(|_| wide).map(session).collect(),
                deadline: Duration::from_secs(72 * 3600),
            };
            (snapshot, request)
        },
    )
}

pub(crate) fn outcome() -> impl Strategy<Value = Outcome> {
    select(vec![Outcome::Confirmed, Outcome::Sent, Outcome::Pending, Outcome::Failed, Outcome::Unsupported])
}

pub(crate) fn answer() -> impl Strategy<Value = Answer> {
    let duration = || option::of(any::<u64>().prop_map(Duration::from_micros));
    let status = (100u16..600, duration(), duration()).prop_map(|(code, retry_after, key_age)| Answer::Status {
        code,
        retry_after,
        key_age,
        words: None,
    });
    let trouble =
        select(vec![Trouble::Blocked, Trouble::Unreachable, Trouble::Timeout, Trouble::Garbled, Trouble::Ours]);
    let words = String::new;
    let said = select(vec![
        Said::Done { words: words(), note: None },
        Said::Refused { words: words() },
        Said::Unproved { words: words() },
    ]);
    let said = (100u16..600, said, duration(), duration())
        .prop_map(|(code, said, retry_after, key_age)| Answer::Said { code, said, retry_after, key_age });
    let nothing = trouble.prop_map(move |trouble| Answer::Nothing { trouble, words: words() });
    prop_oneof![3 => status, 2 => said, 1 => nothing]
}

/// A step of the back channel, as planned.
pub(crate) fn one_step() -> Step {
    let request = Request {
        id: LogoutId::from_random([3; 16]),
        scope: Scope::Session(session(1)),
        by: By::User,
        party: None,
        reason: None,
        tell: Tell::Everyone,
        at: NOW,
        ip: None,
        browser: None,
        named: Vec::new(),
        deadline: Duration::ZERO,
    };
    let back = Some(BackChannel { uri: "https://app.test/b".to_owned(), alg: "ES256".to_owned() });
    let channels = Channels { back, ..Channels::default() };
    let participants = vec![participant(1, "a", 0, channels)];
    let share = SessionShare { session: session(1), user: user(1), live: true, participants, upstreams: Vec::new() };
    plan(&Snapshot { sessions: vec![share], offline: vec![] }, &request).steps.remove(0)
}
