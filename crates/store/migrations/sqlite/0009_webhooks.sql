-- Webhook endpoints that broker applications made for themselves. The secret is sealed by the server.
CREATE TABLE webhook_endpoints (
    id         TEXT PRIMARY KEY,
    app        TEXT NOT NULL,
    url        TEXT NOT NULL,
    events     TEXT NOT NULL,
    enabled    INTEGER NOT NULL,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX webhook_endpoints_url ON webhook_endpoints (app, url);
CREATE INDEX webhook_endpoints_app ON webhook_endpoints (app, created_at, id);

-- A notice is due once nothing of its logout is pending any more; it is no part of the receipt.
ALTER TABLE steps ADD COLUMN notice INTEGER NOT NULL DEFAULT 0;
-- When the logout came to stand as it does, and through whose connection its person came.
ALTER TABLE logouts ADD COLUMN settled_at INTEGER;
ALTER TABLE logouts ADD COLUMN connection TEXT;
ALTER TABLE logouts ADD COLUMN organization TEXT;
ALTER TABLE upstreams ADD COLUMN organization TEXT;

-- What the broker's own list of events shows has a connection, and is read in the order in which it was written.
ALTER TABLE events ADD COLUMN connection TEXT;
ALTER TABLE events ADD COLUMN organization TEXT;
CREATE INDEX events_broker ON events (seq) WHERE connection IS NOT NULL;
