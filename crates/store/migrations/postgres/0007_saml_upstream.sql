-- Logouts of identity providers that overtook their sign-in. `ended_at`: only a sign-in there until then is meant.
CREATE TABLE upstream_tombstones (
    name_hash BYTEA NOT NULL PRIMARY KEY,
    ended_at  BIGINT NOT NULL,
    until     BIGINT NOT NULL
);
CREATE INDEX upstream_tombstones_until ON upstream_tombstones (until);
