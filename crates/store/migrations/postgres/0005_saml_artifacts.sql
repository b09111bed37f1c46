-- SAML Responses that wait for the application to fetch them by their artifact, once. The message is sealed by the server; the
-- session is empty where nobody signed in.
CREATE TABLE saml_artifacts (
    hash       BYTEA NOT NULL PRIMARY KEY,
    entity_id  TEXT NOT NULL,
    session_id TEXT NOT NULL,
    message    BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX saml_artifacts_waiting ON saml_artifacts (entity_id, session_id, expires_at);
CREATE INDEX saml_artifacts_expiry ON saml_artifacts (expires_at);
