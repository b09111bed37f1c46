-- SAML Responses that wait for the application to fetch them by their artifact, once. The message is sealed by the server; the
-- session is empty where nobody signed in.
CREATE TABLE saml_artifacts (
    hash       BLOB NOT NULL PRIMARY KEY,
    entity_id  TEXT NOT NULL,
    session_id TEXT NOT NULL,
    message    BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX saml_artifacts_waiting ON saml_artifacts (entity_id, session_id, expires_at);
CREATE INDEX saml_artifacts_expiry ON saml_artifacts (expires_at);
