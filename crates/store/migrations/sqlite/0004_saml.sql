-- What a SAML participant needs to be told: what qualifies its NameID (JSON), and until when its latest assertion may be
-- taken. Absent for other protocols.
ALTER TABLE participants ADD COLUMN name_id TEXT;
ALTER TABLE participants ADD COLUMN not_on_or_after INTEGER;
-- LogoutRequests name an application and a user as that application knows them.
CREATE INDEX participants_subject ON participants (client_id, subject);

-- How a user is called at one SAML application and nowhere else: random, drawn once, kept for good.
CREATE TABLE saml_names (
    user_id    TEXT NOT NULL,
    entity_id  TEXT NOT NULL,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, entity_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX saml_names_name ON saml_names (entity_id, name);

-- The way of a browser through the hops of a logout: where it ends (JSON of the server's). Answers by POST come without our
-- cookie, so it cannot be kept in the browser.
CREATE TABLE saml_ways (
    logout_id  TEXT NOT NULL PRIMARY KEY,
    way        TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX saml_ways_expiry ON saml_ways (expires_at);
