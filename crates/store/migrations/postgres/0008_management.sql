-- What applications made through the management API of the broker. Organizations and connections of the configuration are not
-- here, and a connection here may belong to an organization of the configuration.
CREATE TABLE organizations (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    metadata    TEXT NOT NULL,
    external_id TEXT UNIQUE,
    made_by     TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

-- A mail domain belongs to one organization at most.
CREATE TABLE organization_domains (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    domain          TEXT NOT NULL UNIQUE,
    verified        BIGINT NOT NULL,
    token           TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX organization_domains_of ON organization_domains (organization_id);

-- `state`: active, inactive, or deleted while sessions are left that came through it. `owes_logout`: they are to be ended.
-- `options` (JSON) is the provider without its secrets, which the server has sealed.
CREATE TABLE connections (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    name            TEXT NOT NULL,
    connection_type TEXT NOT NULL,
    external_id     TEXT,
    external_key    TEXT NOT NULL UNIQUE,
    state           TEXT NOT NULL,
    owes_logout     BIGINT NOT NULL,
    options         TEXT NOT NULL,
    sealed          BYTEA,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX connections_external_id ON connections (organization_id, external_id)
    WHERE external_id IS NOT NULL AND state <> 'deleted';
CREATE INDEX connections_owing ON connections (id) WHERE owes_logout = 1;

-- The answers of calls that may be tried again, sealed, by the hash of who called and the name of the call.
CREATE TABLE kept_answers (
    key_hash     BYTEA PRIMARY KEY,
    request_hash BYTEA NOT NULL,
    sealed       BYTEA NOT NULL,
    until        BIGINT NOT NULL
);
CREATE INDEX kept_answers_until ON kept_answers (until);

-- One row, counted up by whatever changes organizations or connections, under whose lock they all are: a node that has read
-- this number has read everything below it.
CREATE TABLE management_version (
    id      BIGINT PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);
INSERT INTO management_version (id, version) VALUES (1, 0);
