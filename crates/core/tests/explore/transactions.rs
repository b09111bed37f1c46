//! What the store does in one transaction each, with the core's own decisions. A refused transaction returns nothing.

use std::{sync::LazyLock, time::Duration};

use acquit_core::{
    AppId, LogoutId, SessionId, Timestamp, UserId,
    grant::{self, CodeState, RefreshState},
    participant::{BackChannel, Channels, Participant, Protocol, SamlChannel},
    plan::{By, OfflineGrant, Request, Scope, SessionShare, Snapshot, Tell, plan},
    session::{self, Life},
    step,
};

use super::{
    moves::{Mutant, Rules},
    world::{
        APPS, Ask, CODE_SECONDS, Code, DEADLINE_SECONDS, Ended, Flight, Grant, LIFETIMES, OFFLINE_APP, OWNER, SAML_APP,
        SESSIONS, Session, Step, StepKey, World,
    },
};

/// The names of everything, made once.
pub(crate) struct Names {
    pub(crate) sessions: [SessionId; SESSIONS],
    pub(crate) users: [UserId; 2],
    pub(crate) apps: [AppId; APPS],
    pub(crate) logout: LogoutId,
}

pub(crate) static NAMES: LazyLock<Names> = LazyLock::new(|| Names {
    sessions: [1, 2, 3].map(|n| SessionId::from_random([n; 16])),
    users: [4, 5].map(|n| UserId::from_random([n; 16])),
    apps: ["app-0", "app-1", "app-2"].map(AppId::new),
    logout: LogoutId::from_random([9; 16]),
});

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// What a session is worth, by the core.
pub(crate) fn life(world: &World, index: usize) -> Option<Life> {
    let row = world.sessions[index]?;
    let session = session::Session {
        id: NAMES.sessions[index].clone(),
        user: NAMES.users[OWNER[index]].clone(),
        began_at: at(row.began),
        authenticated_at: at(row.began),
        last_seen_at: at(row.seen),
        epoch: i64::from(row.epoch),
        until: None,
        ended: row.ended.map(|ended| session::Ended { at: at(ended.at), logout: NAMES.logout.clone() }),
    };
    Some(session.life(at(world.now), LIFETIMES, i64::from(world.epochs[OWNER[index]])))
}

pub(crate) fn sign_in(world: &mut World, session: usize) -> Option<()> {
    world.budget.sign_ins -= 1;
    let user = OWNER[session];
    begin(world, session, world.epochs[user], world.user_logouts[user])
}

pub(crate) fn check_password(world: &mut World, session: usize) -> Option<()> {
    world.budget.flights -= 1;
    world.budget.sign_ins -= 1;
    let (epoch, proved) = (world.epochs[OWNER[session]], world.user_logouts[OWNER[session]]);
    world.flight = Some(Flight::SignIn { session, epoch, proved });
    Some(())
}

pub(crate) fn read_session(world: &mut World, session: usize) -> Option<()> {
    (life(world, session)? == Life::Live).then_some(())?;
    world.budget.flights -= 1;
    world.flight = Some(Flight::Touch { session });
    Some(())
}

/// Beginning a session takes the user's row: a logout of all of the user in between refuses it.
fn begin(world: &mut World, session: usize, epoch: u8, proved: u8) -> Option<()> {
    (world.sessions[session].is_none() && world.epochs[OWNER[session]] == epoch).then_some(())?;
    world.sessions[session] = Some(Session { began: world.now, seen: world.now, epoch, ended: None, proved });
    Some(())
}

/// The second transaction of the request in flight; what it may no longer do it does not do.
pub(crate) fn write(rules: &Rules, world: &mut World) -> Option<()> {
    let now = world.now;
    match world.flight.take()? {
        Flight::SignIn { session, epoch, proved } => {
            let _overtaken = begin(world, session, epoch, proved);
        }
        Flight::Touch { session } => {
            let row = world.sessions[session].as_mut()?;
            if row.ended.is_none() {
                row.seen = now;
            } else if rules.is(Mutant::Upsert) {
                *row = Session { seen: now, ended: None, ..*row };
            }
        }
        Flight::Logout { ask, read } => return log_out(rules, world, ask, Some(read)),
    }
    Some(())
}

/// The participant and the code in one transaction that holds the session's row.
pub(crate) fn authorize(world: &mut World, session: usize, app: usize) -> Option<()> {
    (life(world, session)? == Life::Live).then_some(())?;
    world.budget.codes -= 1;
    let now = world.now;
    let participant =
        world.participants[session][app].get_or_insert(super::world::Participant { joined: now, closed: false });
    participant.joined = now;
    world.codes[session][app] = Some(Code { expires: now + CODE_SECONDS, redeemed: false });
    world.sessions[session].as_mut()?.seen = now;
    Some(())
}

pub(crate) fn redeem(rules: &Rules, world: &mut World, session: usize, app: usize) -> Option<()> {
    let code = world.codes[session][app]?;
    // A second use revokes; that is one transaction of its own, and covered by the core's unit tests.
    (!code.redeemed).then_some(())?;
    let life = life(world, session)?;
    let believed = if rules.is(Mutant::CodeAfterLogout) { Life::Live } else { life };
    let state = CodeState { expires_at: at(code.expires), redeemed: code.redeemed, session: believed };
    grant::redeem(state, at(world.now)).ok()?;
    world.codes[session][app] = Some(Code { redeemed: true, ..code });
    world.grants[session][app] = Some(Grant { revoked: false, minted_dead: life != Life::Live });
    Some(())
}

pub(crate) fn refresh(rules: &Rules, world: &mut World, session: usize, app: usize) -> Option<()> {
    let life = life(world, session)?;
    let grant = world.grants[session][app]?;
    let offline = app == OFFLINE_APP;
    let state = RefreshState {
        expires_at: Timestamp::MAX,
        rotated_at: None,
        revoked: grant.revoked,
        offline,
        session: if rules.is(Mutant::RefreshUnchecked) { Life::Live } else { life },
    };
    grant::refresh(state, at(world.now)).ok()?;
    let minted_dead = grant.minted_dead || (!offline && life != Life::Live);
    world.grants[session][app] = Some(Grant { minted_dead, ..grant });
    if life == Life::Live {
        world.sessions[session].as_mut()?.seen = world.now;
    }
    Some(())
}

/// Only by a mutant: the first half of a logout in a transaction of its own.
pub(crate) fn read_participants(world: &mut World, ask: Ask) -> Option<()> {
    (world.flight.is_none() && world.budget.logouts > 0).then_some(())?;
    let read = world.participants.map(|row| row.map(|participant| participant.is_some()));
    world.flight = Some(Flight::Logout { ask, read });
    Some(())
}

/// Reads the snapshot, plans and applies, all under the locks of one transaction.
pub(crate) fn log_out(
    rules: &Rules,
    world: &mut World,
    ask: Ask,
    read: Option<[[bool; APPS]; SESSIONS]>,
) -> Option<()> {
    match ask {
        Ask::Sweep(session) => matches!(life(world, session)?, Life::Idle | Life::Expired).then_some(())?,
        _ => world.budget.logouts = world.budget.logouts.checked_sub(1)?,
    }
    let request = request(world, ask);
    let plan = plan(&snapshot(rules, world, ask, read), &request);
    if let Ask::User(user) = ask {
        world.user_logouts[user] += 1;
        if !rules.is(Mutant::EpochKept) {
            world.epochs[user] += 1;
        }
    } else if plan.is_empty() {
        return None;
    }
    for id in &plan.end {
        let session = index(&NAMES.sessions, id)?;
        world.sessions[session].as_mut()?.ended = Some(Ended { at: world.now, ask });
    }
    for (session, app) in &plan.close {
        world.participants[index(&NAMES.sessions, session)?][index(&NAMES.apps, app)?].as_mut()?.closed = true;
    }
    if plan.revoke_offline {
        for session in (0..SESSIONS).filter(|&session| matches!(ask, Ask::User(user) if user == OWNER[session])) {
            if let Some(grant) = &mut world.grants[session][OFFLINE_APP] {
                grant.revoked = true;
            }
        }
    }
    for planned in &plan.steps {
        let app = index(&NAMES.apps, &planned.party)?;
        let key = match &planned.session {
            Some(session) => StepKey::Session(index(&NAMES.sessions, session)?, app),
            None => {
                let user = index(&NAMES.users, &planned.user)?;
                StepKey::User(user, usize::from(world.user_logouts[user]) - 1)
            }
        };
        let place = world.step(key);
        // A party that was not asked by `single_logout = "none"` may be asked by a later logout; no other one twice.
        let twice = place.is_some_and(|step| step.outcome != step::Outcome::Unsupported);
        *place = Some(Step {
            outcome: planned.outcome,
            attempts: planned.attempts,
            next: planned.next_attempt_at.map(Timestamp::as_seconds),
            deadline: planned.deadline.as_seconds(),
            again: planned.again,
            lease: None,
        });
        world.planned_twice |= twice;
    }
    let again = acquit_core::plan::plan(&snapshot(rules, world, ask, None), &request);
    world.planned_twice |= !again.is_empty();
    Some(())
}

fn request(world: &World, ask: Ask) -> Request {
    let (session, by, party, tell) = match ask {
        Ask::Session(session) => (session, By::User, None, Tell::Everyone),
        Ask::App(session, app) => (session, By::Application, Some(app), Tell::Everyone),
        Ask::AppAlone(session, app) => (session, By::Application, Some(app), Tell::NobodyElse),
        Ask::Sweep(session) => (session, By::Policy, None, Tell::Expiry),
        Ask::User(_) => (0, By::User, None, Tell::Everyone),
    };
    let scope = match ask {
        Ask::User(user) => Scope::User(NAMES.users[user].clone()),
        _ => Scope::Session(NAMES.sessions[session].clone()),
    };
    Request {
        id: NAMES.logout.clone(),
        scope,
        by,
        party: party.map(|app| NAMES.apps[app].as_str().to_owned()),
        reason: None,
        tell,
        at: at(world.now),
        ip: None,
        browser: None,
        named: Vec::new(),
        deadline: Duration::from_secs(DEADLINE_SECONDS),
    }
}

fn snapshot(rules: &Rules, world: &World, ask: Ask, read: Option<[[bool; APPS]; SESSIONS]>) -> Snapshot {
    let in_scope = |session: usize| match ask {
        Ask::User(user) => OWNER[session] == user,
        Ask::Session(s) | Ask::App(s, _) | Ask::AppAlone(s, _) | Ask::Sweep(s) => s == session,
    };
    let mut snapshot = Snapshot::default();
    for session in (0..SESSIONS).filter(|&session| in_scope(session)) {
        let Some(row) = world.sessions[session] else { continue };
        let open = |&app: &usize| {
            let alive = world.grants[session][app].is_some_and(|grant| !grant.revoked)
                || world.codes[session][app].is_some_and(|code| !code.redeemed && world.now < code.expires);
            world.participants[session][app].is_some_and(|participant| !participant.closed)
                && (alive || !rules.is(Mutant::FromTokens))
                && read.is_none_or(|read| read[session][app])
        };
        let participants: Vec<_> = (0..APPS).filter(open).filter_map(|app| participant(world, session, app)).collect();
        let live = row.ended.is_none();
        if live || !participants.is_empty() {
            let (id, user) = (NAMES.sessions[session].clone(), NAMES.users[OWNER[session]].clone());
            snapshot.sessions.push(SessionShare { session: id, user, live, participants, upstreams: Vec::new() });
        }
        if matches!(ask, Ask::User(_)) && world.grants[session][OFFLINE_APP].is_some_and(|grant| !grant.revoked) {
            let user = NAMES.users[OWNER[session]].clone();
            let participant = participant(world, session, OFFLINE_APP);
            snapshot.offline.extend(participant.map(|participant| OfflineGrant { user, participant }));
        }
    }
    snapshot
}

pub(crate) fn protocol(app: usize) -> Protocol {
    if app == SAML_APP { Protocol::Saml } else { Protocol::Oidc }
}

fn participant(world: &World, session: usize, app: usize) -> Option<Participant> {
    let back = (app == OFFLINE_APP).then(|| BackChannel { uri: String::new(), alg: String::new() });
    let saml = (app == SAML_APP).then(|| SamlChannel { soap: Some(String::new()), ..SamlChannel::default() });
    Some(Participant {
        session: NAMES.sessions[session].clone(),
        app: NAMES.apps[app].clone(),
        protocol: protocol(app),
        client_id: String::new(),
        subject: String::new(),
        sid: String::new(),
        joined_at: at(world.participants[session][app]?.joined),
        channels: Channels { back, saml, tell_on_expiry: app != OFFLINE_APP, ..Channels::default() },
        name_id: None,
        not_on_or_after: None,
    })
}

fn index<T: PartialEq>(names: &[T], name: &T) -> Option<usize> {
    names.iter().position(|known| known == name)
}
