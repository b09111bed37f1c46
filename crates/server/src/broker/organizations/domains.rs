//! The mail domains of an organization, as a call gives them. One counts only if the call says `verified` in so many words.

use acquit_core::{DomainId, Timestamp};
use acquit_store::management::DomainRecord;
use serde_json::Value;

use crate::{
    broker::{body::Body, error::Failure, ids},
    random,
    settings::domain::domain_is_valid,
};

/// The most domains of one organization.
const MAX_DOMAINS: usize = 100;

/// The domains that an organization is to have, if the call names any: those that it has stay what they are unless the call
/// says another state. They come in the order of their names.
///
/// # Errors
/// [`Failure::Invalid`].
pub(super) fn read(
    body: &mut Body,
    known: &[DomainRecord],
    now: Timestamp,
) -> Result<Option<Vec<DomainRecord>>, Failure> {
    let plain = body.list("domains", MAX_DOMAINS)?;
    let data = body.list("domain_data", MAX_DOMAINS)?;
    if plain.is_none() && data.is_none() {
        return Ok(None);
    }
    let mut domains: Vec<DomainRecord> = Vec::new();
    let plain = plain.unwrap_or_default().into_iter().map(|entry| match entry {
        Value::String(domain) => Ok((domain, None)),
        _ => Err(Failure::invalid("domains must be text")),
    });
    let data = data.unwrap_or_default().into_iter().map(|entry| {
        let mut entry = Body::of(entry, "domain_data")?;
        let domain = entry.need("domain")?;
        let verified = match entry.some_text("state")?.as_deref() {
            None => None,
            Some("verified") => Some(true),
            Some("pending") => Some(false),
            Some(_) => return Err(Failure::invalid("domain_data.state must be pending or verified")),
        };
        entry.done()?;
        Ok((domain, verified))
    });
    for entry in data.chain(plain) {
        let (domain, verified) = entry?;
        let domain = domain.to_ascii_lowercase();
        if !domain_is_valid(&domain) {
            return Err(Failure::invalid("a domain must be what stands behind the @ of an address, as the DNS has it"));
        }
        if domains.iter().any(|other| other.domain == domain) {
            continue;
        }
        let before = known.iter().find(|known| known.domain == domain);
        domains.push(match before {
            Some(before) if verified.is_none_or(|verified| verified == before.verified) => before.clone(),
            Some(before) => DomainRecord { verified: !before.verified, updated_at: now, ..before.clone() },
            None => DomainRecord {
                id: ids::upper(&DomainId::from_random(random::id_at(now)?), DomainId::parse)?,
                domain,
                verified: verified.unwrap_or(false),
                token: random::alphanumeric::<25>()?,
                created_at: now,
                updated_at: now,
            },
        });
    }
    domains.sort_by(|one, other| one.domain.cmp(&other.domain));
    Ok(Some(domains))
}
