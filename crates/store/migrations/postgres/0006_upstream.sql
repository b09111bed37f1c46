-- People from upstream: a user is a connection and the name that its identity provider has for them. `profile` (JSON) is
-- what that provider said of them last.
ALTER TABLE users ADD COLUMN connection TEXT;
ALTER TABLE users ADD COLUMN idp_id TEXT;
ALTER TABLE users ADD COLUMN profile TEXT;
CREATE UNIQUE INDEX users_idp ON users (connection, idp_id) WHERE deleted_at IS NULL AND connection IS NOT NULL;

-- The sign-ins of a session at identity providers: what is needed to tell them of its end. Tokens are sealed by the server.
CREATE TABLE upstreams (
    id           TEXT PRIMARY KEY,
    session_id   TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    connection   TEXT NOT NULL,
    protocol     TEXT NOT NULL,
    subject      TEXT NOT NULL,
    sid          TEXT,
    has_access   BIGINT NOT NULL,
    has_refresh  BIGINT NOT NULL,
    channels     TEXT NOT NULL,
    sealed       BYTEA NOT NULL,
    signed_in_at BIGINT NOT NULL
);
CREATE INDEX upstreams_session ON upstreams (session_id, signed_in_at);
CREATE INDEX upstreams_sid ON upstreams (connection, sid) WHERE sid IS NOT NULL;
CREATE INDEX upstreams_subject ON upstreams (connection, subject);
