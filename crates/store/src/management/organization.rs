//! Organizations: made, replaced, deleted.

use acquit_core::{OrganizationId, Timestamp};

use super::{DomainRecord, Kept, Made, OrganizationRecord, Refused, connection, kept};
use crate::{
    Store, StoreError,
    column::to_json,
    tx::{Batch, Tx},
    value::params,
};

impl Store {
    /// Makes an organization, once for each name of a call, if the application has not made `most` already.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when its id is not new; otherwise as everywhere.
    pub async fn make_organization(
        &self,
        record: OrganizationRecord,
        answer: Option<Kept>,
        most: u32,
    ) -> Result<Result<Made, Refused>, StoreError> {
        let args = (record, answer, most);
        self.write(args, |tx, (record, answer, most)| Box::pin(make(tx, record, answer.as_ref(), *most))).await
    }

    /// Replaces an organization and its domains, if it still is as it was at `was`.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn change_organization(
        &self,
        record: OrganizationRecord,
        was: Timestamp,
    ) -> Result<Result<(), Refused>, StoreError> {
        self.write((record, was), |tx, (record, was)| Box::pin(change(tx, record, *was))).await
    }

    /// Deletes an organization with its domains and its connections, whose sessions are to be ended then; false when there is
    /// none.
    ///
    /// # Errors
    /// [`StoreError`] as everywhere.
    pub async fn delete_organization(&self, id: &OrganizationId, now: Timestamp) -> Result<bool, StoreError> {
        self.write((id.clone(), now), |tx, (id, now)| Box::pin(delete(tx, id, *now))).await
    }
}

/// Whether there is such an organization.
pub(super) async fn exists(tx: &mut Tx, id: &OrganizationId) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM organizations WHERE id = $1";
    Ok(tx.query_opt(sql, &params![id]).await?.is_some())
}

pub(super) async fn all(tx: &mut Tx) -> Result<Vec<OrganizationRecord>, StoreError> {
    let sql = "SELECT id, name, metadata, external_id, made_by, created_at, updated_at FROM organizations";
    let mut all = Vec::new();
    for row in tx.query(sql, &params![]).await? {
        let mut row = row.read();
        all.push(OrganizationRecord {
            id: row.organization_id()?,
            name: row.text()?,
            metadata: row.json()?,
            external_id: row.opt_text()?,
            made_by: row.app_id()?,
            domains: Vec::new(),
            created_at: row.time()?,
            updated_at: row.time()?,
        });
    }
    // Here and not by the database, whose order of letters is its own.
    all.sort_by(|one: &OrganizationRecord, other| one.id.cmp(&other.id));
    let sql = "SELECT organization_id, id, domain, verified, token, created_at, updated_at FROM organization_domains";
    for row in tx.query(sql, &params![]).await? {
        let mut row = row.read();
        let of = row.organization_id()?;
        let domain = DomainRecord {
            id: row.domain_id()?,
            domain: row.text()?,
            verified: row.bool()?,
            token: row.text()?,
            created_at: row.time()?,
            updated_at: row.time()?,
        };
        if let Ok(index) = all.binary_search_by(|known| known.id.cmp(&of))
            && let Some(organization) = all.get_mut(index)
        {
            organization.domains.push(domain);
        }
    }
    for organization in &mut all {
        organization.domains.sort_by(|one, other| one.domain.cmp(&other.domain));
    }
    Ok(all)
}

async fn make(
    tx: &mut Tx,
    record: &OrganizationRecord,
    answer: Option<&Kept>,
    most: u32,
) -> Result<Result<Made, Refused>, StoreError> {
    tx.managing().await?;
    if let Some(before) = kept::before(tx, answer).await? {
        return Ok(Ok(Made::Before(before)));
    }
    let sql = "SELECT COUNT(*) FROM organizations WHERE made_by = $1";
    let made = tx.query_opt(sql, &params![&record.made_by]).await?.map_or(Ok(0), |row| row.read().int())?;
    if made >= i64::from(most) {
        return Ok(Err(Refused::TooMany(most)));
    }
    if let Some(refused) = refused(tx, record).await? {
        return Ok(Err(refused));
    }
    let mut batch = Batch::default();
    batch.push(
        "INSERT INTO organizations (id, name, metadata, external_id, made_by, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![
            &record.id,
            &record.name,
            &to_json(&record.metadata)?,
            record.external_id.as_ref(),
            &record.made_by,
            record.created_at,
            record.updated_at,
        ],
    );
    put_domains(&mut batch, record);
    batch.keep(answer);
    tx.execute_all(&batch).await?;
    Ok(Ok(Made::Now))
}

async fn change(tx: &mut Tx, record: &OrganizationRecord, was: Timestamp) -> Result<Result<(), Refused>, StoreError> {
    tx.managing().await?;
    if !exists(tx, &record.id).await? {
        return Ok(Err(Refused::Gone));
    }
    if let Some(refused) = refused(tx, record).await? {
        return Ok(Err(refused));
    }
    let sql = "UPDATE organizations SET name = $1, metadata = $2, external_id = $3, updated_at = $4 \
               WHERE id = $5 AND updated_at = $6";
    let metadata = to_json(&record.metadata)?;
    let args = params![&record.name, &metadata, record.external_id.as_ref(), record.updated_at, &record.id, was];
    if tx.execute(sql, &args).await? == 0 {
        return Ok(Err(Refused::Changed));
    }
    let mut batch = Batch::default();
    batch.push("DELETE FROM organization_domains WHERE organization_id = $1", params![&record.id]);
    put_domains(&mut batch, record);
    tx.execute_all(&batch).await?;
    Ok(Ok(()))
}

fn put_domains(batch: &mut Batch, record: &OrganizationRecord) {
    for domain in &record.domains {
        batch.push(
            "INSERT INTO organization_domains (id, organization_id, domain, verified, token, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            params![
                &domain.id,
                &record.id,
                &domain.domain,
                domain.verified,
                &domain.token,
                domain.created_at,
                domain.updated_at,
            ],
        );
    }
}

/// What of it another organization has.
async fn refused(tx: &mut Tx, record: &OrganizationRecord) -> Result<Option<Refused>, StoreError> {
    if let Some(external_id) = &record.external_id {
        let sql = "SELECT id FROM organizations WHERE external_id = $1 AND id <> $2";
        if tx.query_opt(sql, &params![external_id, &record.id]).await?.is_some() {
            return Ok(Some(Refused::ExternalIdTaken));
        }
    }
    for domain in &record.domains {
        // Who only claims one keeps nobody from it.
        let sql = "SELECT id FROM organization_domains WHERE domain = $1 AND organization_id <> $2 AND verified = 1";
        if tx.query_opt(sql, &params![&domain.domain, &record.id]).await?.is_some() {
            return Ok(Some(Refused::DomainTaken(domain.domain.clone())));
        }
        if domain.verified && claims_own_people(tx, &record.id, &domain.domain).await? {
            return Ok(Some(Refused::DomainTaken(domain.domain.clone())));
        }
    }
    Ok(None)
}

/// Whether an organization claims a domain, which it does not have yet, in which people have addresses who sign in here: the
/// operator vouches for those, and nobody else can.
async fn claims_own_people(tx: &mut Tx, id: &OrganizationId, domain: &str) -> Result<bool, StoreError> {
    let sql = "SELECT u.id FROM users u WHERE u.connection IS NULL AND u.deleted_at IS NULL \
               AND lower(u.email) LIKE '%@' || $1 AND NOT EXISTS (SELECT 1 FROM organization_domains d \
               WHERE d.organization_id = $2 AND d.domain = $1 AND d.verified = 1) LIMIT 1";
    Ok(tx.query_opt(sql, &params![domain, id]).await?.is_some())
}

async fn delete(tx: &mut Tx, id: &OrganizationId, now: Timestamp) -> Result<bool, StoreError> {
    tx.managing().await?;
    if tx.execute("DELETE FROM organizations WHERE id = $1", &params![id]).await? == 0 {
        return Ok(false);
    }
    connection::delete_of(tx, id, now).await?;
    Ok(true)
}
