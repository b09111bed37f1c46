//! What a logout may touch, read under the locks that keep it still.

use std::collections::BTreeSet;

use acquit_core::{
    LogoutId, SessionId, Timestamp, UserId,
    participant::{Participant, Protocol},
    plan::{OfflineGrant, SessionShare, Snapshot},
};

use super::ChannelsOf;
use crate::{
    StoreError,
    receipt::Through,
    session::{read_session, session_columns},
    tx::{Batch, Tx, locking},
    upstream::{read_upstream, upstream_columns},
    value::{Columns, Row, params},
};

/// What is in scope.
pub(super) struct InScope {
    /// Whose sessions they are.
    pub(super) user: UserId,
    /// What stands.
    pub(super) snapshot: Snapshot,
    /// The logout to point at when nothing is left to do.
    pub(super) earlier: Option<LogoutId>,
}

impl InScope {
    /// Through which connection the person came. A user is of one connection, so every session says the same.
    pub(super) fn through(&self) -> Option<Through> {
        let upstream = self.snapshot.sessions.iter().find_map(|share| share.upstreams.last())?;
        Some(Through { connection: upstream.connection.clone(), organization: upstream.organization.clone() })
    }
}

/// The columns of a participant, for statements that read one as `p`.
macro_rules! participant_columns {
    () => {
        "p.session_id, p.app, p.protocol, p.client_id, p.subject, p.sid, p.joined_at, p.channels, p.name_id, \
         p.not_on_or_after"
    };
}

/// Reads a participant with the channels that its application has by now.
fn read_participant(row: &mut Columns, channels: &ChannelsOf) -> Result<Participant, StoreError> {
    let mut participant = Participant {
        session: row.session_id()?,
        app: row.app_id()?,
        protocol: row.named(Protocol::parse)?,
        client_id: row.text()?,
        subject: row.text()?,
        sid: row.text()?,
        joined_at: row.time()?,
        channels: row.json()?,
        name_id: row.opt_json()?,
        not_on_or_after: row.opt_time()?,
    };
    if let Some(now) = channels(&participant.app) {
        participant.channels = now;
    }
    Ok(participant)
}

fn read_participants(rows: Vec<Row>, channels: &ChannelsOf) -> Result<Vec<Participant>, StoreError> {
    rows.into_iter().map(|row| read_participant(&mut row.read(), channels)).collect()
}

/// One session.
pub(super) async fn session(tx: &mut Tx, id: &SessionId, channels: &ChannelsOf) -> Result<Option<InScope>, StoreError> {
    let Some(session) = tx.lock_session(id).await? else { return Ok(None) };
    if let Some(ended) = session.ended {
        // What it left open (`single_logout = "none"`) waits for a logout of the user.
        return Ok(Some(InScope { user: session.user, snapshot: Snapshot::default(), earlier: Some(ended.logout) }));
    }
    let sql = concat!(
        "SELECT ",
        participant_columns!(),
        " FROM participants p WHERE p.session_id = $1 AND p.closed_at IS NULL ORDER BY p.joined_at, p.app"
    );
    let mut participants = read_participants(tx.query(sql, &params![id]).await?, channels)?;
    tx.add_endpoints(&mut participants).await?;
    let upstreams = tx.upstreams_of(id).await?;
    let share = SessionShare { session: session.id, user: session.user.clone(), live: true, participants, upstreams };
    let snapshot = Snapshot { sessions: vec![share], offline: Vec::new() };
    Ok(Some(InScope { user: session.user, snapshot, earlier: None }))
}

/// Several sessions of one user, by name. None where one does not exist or is somebody else's: a door that names them has
/// looked them up.
pub(super) async fn sessions(
    tx: &mut Tx,
    ids: &[SessionId],
    channels: &ChannelsOf,
) -> Result<Option<InScope>, StoreError> {
    // In the order of their names, as every logout takes them.
    let ids: BTreeSet<_> = ids.iter().collect();
    let mut all: Option<InScope> = None;
    for id in ids {
        let Some(one) = session(tx, id, channels).await? else { return Ok(None) };
        match &mut all {
            None => all = Some(one),
            Some(all) if all.user == one.user => {
                all.snapshot.sessions.extend(one.snapshot.sessions);
                all.earlier = one.earlier.or(all.earlier.take());
            }
            Some(_) => return Ok(None),
        }
    }
    Ok(all)
}

/// All of a user: their epoch is raised, so that a sign-in that is under way does not outlive this either.
pub(super) async fn user(
    tx: &mut Tx,
    id: &UserId,
    now: Timestamp,
    channels: &ChannelsOf,
) -> Result<Option<InScope>, StoreError> {
    let Some(user) = tx.lock_user(id).await? else { return Ok(None) };
    let mut batch = Batch::default();
    batch.push("UPDATE users SET epoch = epoch + 1, overtaken = NULL WHERE id = $1", params![id]);
    batch.revoked_user(id, now);
    tx.execute_all(&batch).await?;

    let live = locking!(
        "SELECT ",
        session_columns!(),
        " FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL ORDER BY s.id"
    );
    let mut shares: Vec<SessionShare> = Vec::new();
    for row in tx.query(live, &params![id]).await? {
        let session = read_session(&mut row.read())?;
        shares.push(SessionShare {
            session: session.id,
            user: id.clone(),
            live: true,
            participants: Vec::new(),
            upstreams: Vec::new(),
        });
    }
    // Open participants of ended sessions too: nobody has told them yet.
    let sql = concat!(
        "SELECT ",
        participant_columns!(),
        " FROM participants p WHERE p.user_id = $1 AND p.closed_at IS NULL ORDER BY p.joined_at, p.app"
    );
    let mut participants = read_participants(tx.query(sql, &params![id]).await?, channels)?;
    tx.add_endpoints(&mut participants).await?;
    for participant in participants {
        if let Some(share) = shares.iter_mut().find(|share| share.session == participant.session) {
            share.participants.push(participant);
        } else {
            let session = participant.session.clone();
            shares.push(SessionShare {
                session,
                user: id.clone(),
                live: false,
                participants: vec![participant],
                upstreams: Vec::new(),
            });
        }
    }
    // Of ended sessions too, as long as an application in them is to be told: it is told whose they were.
    let sql = concat!(
        "SELECT ",
        upstream_columns!(),
        " FROM upstreams t JOIN sessions s ON s.id = t.session_id WHERE s.user_id = $1 AND (s.ended_at IS NULL OR EXISTS \
         (SELECT 1 FROM participants p WHERE p.session_id = s.id AND p.closed_at IS NULL)) ORDER BY t.signed_in_at, t.id"
    );
    for row in tx.query(sql, &params![id]).await? {
        let upstream = read_upstream(&mut row.read())?;
        if let Some(share) = shares.iter_mut().find(|share| share.session == upstream.session) {
            share.upstreams.push(upstream);
        }
    }
    shares.sort_by(|a, b| a.session.cmp(&b.session));

    // A grant below the user's epoch is dead, but if no logout told its application yet, this one does.
    let sql = concat!(
        "SELECT ",
        participant_columns!(),
        " FROM families f JOIN participants p ON p.session_id = f.session_id AND p.app = f.app \
         WHERE f.user_id = $1 AND f.offline = 1 AND f.revoked_at IS NULL AND f.expires_at > $2 ORDER BY p.joined_at DESC"
    );
    let offline = read_participants(tx.query(sql, &params![id, now]).await?, channels)?
        .into_iter()
        .map(|participant| OfflineGrant { user: id.clone(), participant })
        .collect();

    let last = tx
        .query_opt(
            "SELECT id, scope FROM logouts WHERE user_id = $1 ORDER BY at DESC, id DESC LIMIT 1",
            &params![&user.id],
        )
        .await?;
    let earlier = match last {
        Some(row) => {
            let mut row = row.read();
            let (logout, scope) = (row.logout_id()?, row.text()?);
            (scope == "user").then_some(logout)
        }
        None => None,
    };
    Ok(Some(InScope { user: user.id, snapshot: Snapshot { sessions: shares, offline }, earlier }))
}
