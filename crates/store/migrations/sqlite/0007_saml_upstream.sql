-- Logouts of identity providers that overtook their sign-in. `ended_at`: only a sign-in there until then is meant.
CREATE TABLE upstream_tombstones (
    name_hash BLOB NOT NULL PRIMARY KEY,
    ended_at  INTEGER NOT NULL,
    until     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX upstream_tombstones_until ON upstream_tombstones (until);
