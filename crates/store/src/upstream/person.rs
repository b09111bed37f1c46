//! People from upstream. A user is a connection, the provider behind it, and the name that this has for them; an address never
//! makes two people one, nor does a name that another provider gives through the same connection.

use acquit_core::{ConnectionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Store, StoreError,
    column::to_json,
    tx::{Batch, Tx, locking},
    user::{User, user_columns},
    value::{Columns, params},
};

/// What an identity provider said of a person, beyond what every user has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// The address that the provider gives them, whosever domain it is: for who knows which provider speaks, and nobody else.
    pub email: Option<String>,
    /// Their given name.
    pub first_name: Option<String>,
    /// Their family name.
    pub last_name: Option<String>,
    /// Their groups, as the provider spells them.
    pub groups: Vec<String>,
    /// What the connection's attribute map makes of the rest.
    pub custom_attributes: Map<String, Value>,
}

/// Where a user from upstream comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Through which connection.
    pub connection: ConnectionId,
    /// The provider behind it then, by its issuer or entity ID; empty for one from before that was written down.
    pub issuer: String,
    /// The provider's name for them.
    pub idp_id: String,
    /// What it said of them last.
    pub profile: Profile,
}

impl Origin {
    pub(crate) fn read(row: &mut Columns) -> Result<Option<Self>, StoreError> {
        let origin = (row.opt_text()?, row.text()?, row.opt_text()?, row.opt_json()?);
        let (Some(connection), issuer, Some(idp_id), profile) = origin else { return Ok(None) };
        let connection = ConnectionId::parse(&connection)
            .map_err(|_| StoreError::Corrupt("a column that holds no connection id".to_owned()))?;
        Ok(Some(Self { connection, issuer, idp_id, profile: profile.unwrap_or_default() }))
    }
}

/// A person as an identity provider describes them at a sign-in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The identifier for a new user, drawn by the caller; one who is known keeps theirs.
    pub fresh_id: UserId,
    /// Through which connection.
    pub connection: ConnectionId,
    /// The provider that vouches for them, by its issuer or entity ID.
    pub issuer: String,
    /// The provider's name for them, never given to anybody else.
    pub idp_id: String,
    /// Their address here: none that their provider has no say over.
    pub email: Option<String>,
    /// Whether the provider checked that address.
    pub email_verified: bool,
    /// Their full name.
    pub name: Option<String>,
    /// Their groups here.
    pub groups: Vec<String>,
    /// The rest.
    pub profile: Profile,
}

impl Store {
    /// The user that a person from upstream is: known already, and brought up to date, or new.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn recognise(&self, person: Person, now: Timestamp) -> Result<User, StoreError> {
        self.write((person, now), |tx, (person, now)| Box::pin(recognise(tx, person, *now))).await
    }

    /// Whether this is the address of somebody who signs in here, and not at a provider of theirs. Capitals do not matter.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere: then it must not be given to anybody else.
    pub async fn is_own_address(&self, email: &str) -> Result<bool, StoreError> {
        self.read(email.to_ascii_lowercase(), |tx, email| Box::pin(is_own(tx, email))).await
    }
}

async fn is_own(tx: &mut Tx, email: &str) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM users WHERE lower(email) = $1 AND connection IS NULL AND deleted_at IS NULL LIMIT 1";
    Ok(tx.query_opt(sql, &params![email]).await?.is_some())
}

async fn recognise(tx: &mut Tx, person: &Person, now: Timestamp) -> Result<User, StoreError> {
    let groups = to_json(&person.groups)?;
    let profile = to_json(&person.profile)?;
    // Somebody of whom it was not written down whose they are.
    let sql = "UPDATE users SET issuer = $1 WHERE connection = $2 AND issuer = '' AND idp_id = $3 AND deleted_at IS NULL \
               AND NOT EXISTS (SELECT 1 FROM users o WHERE o.connection = $2 AND o.issuer = $1 AND o.idp_id = $3 \
               AND o.deleted_at IS NULL)";
    tx.execute(sql, &params![&person.issuer, &person.connection, &person.idp_id]).await?;
    // Whoever loses a race finds the winner's row.
    tx.execute(
        "INSERT INTO users (id, username, email, email_verified, name, password_hash, group_names, disabled, from_file, \
         epoch, created_at, connection, issuer, idp_id, profile) \
         VALUES ($1, $1, $2, $3, $4, NULL, $5, 0, 0, 0, $6, $7, $8, $9, $10) \
         ON CONFLICT (connection, issuer, idp_id) WHERE deleted_at IS NULL AND connection IS NOT NULL DO NOTHING",
        &params![
            &person.fresh_id,
            person.email.as_ref(),
            person.email_verified,
            person.name.as_ref(),
            &groups,
            now,
            &person.connection,
            &person.issuer,
            &person.idp_id,
            &profile,
        ],
    )
    .await?;
    let Some(user) = find(tx, person).await? else {
        return Err(StoreError::Corrupt("a person who was just written and is not there".to_owned()));
    };
    let described = User {
        email: person.email.clone(),
        email_verified: person.email_verified,
        name: person.name.clone(),
        groups: person.groups.clone(),
        ..user.clone()
    };
    let same = user.is_described_as(&described);
    if same && user.origin.as_ref().is_some_and(|origin| origin.profile == person.profile) {
        return Ok(user);
    }
    let mut batch = Batch::default();
    batch.push(
        "UPDATE users SET email = $1, email_verified = $2, name = $3, group_names = $4, profile = $5, \
         version = version + $6 WHERE id = $7",
        params![
            person.email.as_ref(),
            person.email_verified,
            person.name.as_ref(),
            &groups,
            &profile,
            !same,
            &user.id,
        ],
    );
    if !same {
        batch.described_anew(&user.id, now);
    }
    tx.execute_all(&batch).await?;
    Ok(User {
        version: user.version + i64::from(!same),
        origin: Some(Origin {
            connection: person.connection.clone(),
            issuer: person.issuer.clone(),
            idp_id: person.idp_id.clone(),
            profile: person.profile.clone(),
        }),
        ..described
    })
}

async fn find(tx: &mut Tx, person: &Person) -> Result<Option<User>, StoreError> {
    let sql = locking!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.connection = $1 AND u.issuer = $2 AND u.idp_id = $3 AND u.deleted_at IS NULL"
    );
    let row = tx.query_opt(sql, &params![&person.connection, &person.issuer, &person.idp_id]).await?;
    row.map(|row| User::read(&mut row.read())).transpose()
}
