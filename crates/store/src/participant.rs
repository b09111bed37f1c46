//! Making an application a participant of a session, under that session's lock.

use acquit_core::{
    Timestamp, UserId,
    event::{Facts, Kind},
    participant::{NameIdForm, Participant},
    session::Session,
};

use crate::{
    StoreError,
    column::to_json,
    event::Event,
    tx::{Batch, Tx},
    user::User,
    value::{Row, params},
};

/// What stands of an application that takes part already.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) client_id: String,
    pub(crate) sid: String,
    pub(crate) subject: String,
    pub(crate) name_id: Option<NameIdForm>,
    pub(crate) not_on_or_after: Option<Timestamp>,
}

impl Tx {
    /// Takes the row of the session that `participant` is to be in, and reads its user and what stands of the application.
    pub(crate) async fn lock_to_join(
        &mut self,
        participant: &Participant,
    ) -> Result<Option<(Session, User, Option<Known>)>, StoreError> {
        let sql = "SELECT client_id, sid, subject, name_id, not_on_or_after FROM participants WHERE session_id = $1 AND app = $2";
        let known = (sql.into(), params![&participant.session, &participant.app].into());
        let locked = self.lock_session_and_look(&participant.session, known).await?;
        let Some((session, user, known)) = locked else { return Ok(None) };
        let known = known.into_iter().next().map(Known::read).transpose()?;
        Ok(Some((session, user, known)))
    }
}

impl Known {
    fn read(row: Row) -> Result<Self, StoreError> {
        let mut row = row.read();
        Ok(Self {
            client_id: row.text()?,
            sid: row.text()?,
            subject: row.text()?,
            name_id: row.opt_json()?,
            not_on_or_after: row.opt_time()?,
        })
    }
}

impl Batch {
    /// Makes it a participant. One that takes part already keeps its `sid`, and all else becomes what is given. Returns
    /// the `sid`.
    pub(crate) fn join(
        &mut self,
        known: Option<&Known>,
        user: &UserId,
        participant: &Participant,
    ) -> Result<String, StoreError> {
        let channels = to_json(&participant.channels)?;
        let name_id = participant.name_id.as_ref().map(to_json).transpose()?;
        if let Some(known) = known {
            self.push(
                "UPDATE participants SET joined_at = $1, channels = $2, client_id = $3, subject = $4, protocol = $5, \
                 name_id = $6, not_on_or_after = CAST($7 AS BIGINT) WHERE session_id = $8 AND app = $9",
                params![
                    participant.joined_at,
                    &channels,
                    &participant.client_id,
                    &participant.subject,
                    participant.protocol.as_str(),
                    name_id.as_ref(),
                    participant.not_on_or_after,
                    &participant.session,
                    &participant.app,
                ],
            );
            return Ok(known.sid.clone());
        }
        self.push(
            "INSERT INTO participants (session_id, app, user_id, protocol, client_id, subject, sid, joined_at, channels, \
             name_id, not_on_or_after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            params![
                &participant.session,
                &participant.app,
                user,
                participant.protocol.as_str(),
                &participant.client_id,
                &participant.subject,
                &participant.sid,
                participant.joined_at,
                &channels,
                name_id.as_ref(),
                participant.not_on_or_after,
            ],
        );
        self.event(&Event {
            user: Some(user.clone()),
            session: Some(participant.session.clone()),
            party: Some(participant.app.as_str().to_owned()),
            facts: Facts { protocol: Some(participant.protocol.as_str().to_owned()), own_browser: true, ..Facts::NONE },
            ..Event::new(Kind::ParticipantJoined, participant.joined_at)
        });
        Ok(participant.sid.clone())
    }
}
