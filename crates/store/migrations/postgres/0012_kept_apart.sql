-- Which provider vouched for a person: `iss` of OpenID Connect, the entity ID of SAML. A connection may come to speak to another
-- one, which may call others by the names that the former gave: those are other people. '' is a person from before this was
-- known, whom the first provider that brings them keeps.
ALTER TABLE users ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
DROP INDEX users_idp;
CREATE UNIQUE INDEX users_idp ON users (connection, issuer, idp_id) WHERE deleted_at IS NULL AND connection IS NOT NULL;

-- A mail domain that is only claimed keeps nobody else from it: it belongs to the one organization that has it verified.
ALTER TABLE organization_domains DROP CONSTRAINT organization_domains_domain_key;
ALTER TABLE organization_domains ADD CONSTRAINT organization_domains_once UNIQUE (organization_id, domain);
DROP INDEX organization_domains_of;
CREATE UNIQUE INDEX organization_domains_verified ON organization_domains (domain) WHERE verified = 1;
CREATE INDEX organizations_made_by ON organizations (made_by);
