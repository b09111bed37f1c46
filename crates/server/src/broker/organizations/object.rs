//! WorkOS's Organization object. Every key is there.

use serde_json::{Value, json};

use crate::broker::registry::{ListedDomain, ListedOrganization};

/// What stands before the token where its owner publishes it.
const VERIFICATION_PREFIX: &str = "acquit-domain-verification";

/// An organization on the wire.
#[must_use]
pub(super) fn organization(listed: &ListedOrganization) -> Value {
    let domain = |domain: &ListedDomain| {
        json!({
            "object": "organization_domain",
            "id": domain.id.as_str(),
            "organization_id": listed.id.as_str(),
            "domain": domain.domain,
            "state": if domain.verified { "verified" } else { "pending" },
            "verification_prefix": domain.token.as_ref().map(|_| VERIFICATION_PREFIX),
            "verification_token": domain.token,
            "verification_strategy": "manual",
            "created_at": domain.created_at,
            "updated_at": domain.updated_at,
        })
    };
    json!({
        "object": "organization",
        "id": listed.id.as_str(),
        "name": listed.name,
        "domains": listed.domains.iter().map(domain).collect::<Vec<_>>(),
        "metadata": listed.metadata,
        "external_id": listed.external_id,
        "stripe_customer_id": null,
        "allow_profiles_outside_organization": listed.outsiders,
        "created_at": listed.created_at,
        "updated_at": listed.updated_at,
    })
}
