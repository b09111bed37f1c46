-- Which description of a person this is: counted up with each change, so that a route's cookie that is older is made anew.
ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE revocations ADD COLUMN version INTEGER;

-- The nodes of the gateway, and when each last said that it is there.
CREATE TABLE gateway_nodes (
    node    TEXT PRIMARY KEY,
    seen_at INTEGER NOT NULL
) STRICT;

-- Which node refuses what a step is about, and how many open streams it cut for that.
CREATE TABLE gateway_acks (
    step_id TEXT NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    node    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    streams INTEGER NOT NULL,
    PRIMARY KEY (step_id, node)
) STRICT;
CREATE INDEX steps_gateway ON steps (logout_id) WHERE channel = 'gateway' AND outcome = 'pending';
