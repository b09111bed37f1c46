-- Which provider vouched for a person: `iss` of OpenID Connect, the entity ID of SAML. A connection may come to speak to another
-- one, which may call others by the names that the former gave: those are other people. '' is a person from before this was
-- known, whom the first provider that brings them keeps.
ALTER TABLE users ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
DROP INDEX users_idp;
CREATE UNIQUE INDEX users_idp ON users (connection, issuer, idp_id) WHERE deleted_at IS NULL AND connection IS NOT NULL;

-- A mail domain that is only claimed keeps nobody else from it: it belongs to the one organization that has it verified.
CREATE TABLE organization_domains_anew (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    domain          TEXT NOT NULL,
    verified        INTEGER NOT NULL,
    token           TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (organization_id, domain)
) STRICT;
INSERT INTO organization_domains_anew (id, organization_id, domain, verified, token, created_at, updated_at)
    SELECT id, organization_id, domain, verified, token, created_at, updated_at FROM organization_domains;
DROP TABLE organization_domains;
ALTER TABLE organization_domains_anew RENAME TO organization_domains;
CREATE UNIQUE INDEX organization_domains_verified ON organization_domains (domain) WHERE verified = 1;
CREATE INDEX organizations_made_by ON organizations (made_by);
