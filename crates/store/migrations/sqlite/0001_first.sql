-- Times are microseconds since 1970 in UTC; hashes are SHA-256, 32 bytes; lists are JSON.

CREATE TABLE users (
    id             TEXT PRIMARY KEY,
    username       TEXT NOT NULL,
    email          TEXT,
    email_verified INTEGER NOT NULL,
    name           TEXT,
    password_hash  TEXT,
    group_names    TEXT NOT NULL,
    disabled       INTEGER NOT NULL,
    from_file      INTEGER NOT NULL,
    epoch          INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    deleted_at     INTEGER
) STRICT;
-- A deleted user's name may be given again; the row stays for the sessions and receipts that name it.
CREATE UNIQUE INDEX users_username ON users (username) WHERE deleted_at IS NULL;

CREATE TABLE sessions (
    id               TEXT PRIMARY KEY,
    handle_hash      BLOB NOT NULL UNIQUE,
    user_id          TEXT NOT NULL REFERENCES users (id),
    epoch            INTEGER NOT NULL,
    began_at         INTEGER NOT NULL,
    authenticated_at INTEGER NOT NULL,
    last_seen_at     INTEGER NOT NULL,
    ip               TEXT,
    user_agent       TEXT,
    ended_at         INTEGER,
    logout_id        TEXT
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id, began_at);
CREATE INDEX sessions_began ON sessions (began_at);
CREATE INDEX sessions_live_seen ON sessions (last_seen_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_live_began ON sessions (began_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_logout ON sessions (logout_id) WHERE logout_id IS NOT NULL;

-- The ledger of who must be told: a row is written before the first token leaves.
CREATE TABLE participants (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    app        TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    protocol   TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    sid        TEXT NOT NULL,
    joined_at  INTEGER NOT NULL,
    channels   TEXT NOT NULL,
    closed_at  INTEGER,
    PRIMARY KEY (session_id, app)
) STRICT, WITHOUT ROWID;
CREATE INDEX participants_user ON participants (user_id, app, joined_at);
CREATE INDEX participants_app ON participants (app, session_id);
CREATE UNIQUE INDEX participants_sid ON participants (client_id, sid);

-- What one authorization led to. A token is good only while its family is, and its session or (offline) its user is.
CREATE TABLE families (
    id         TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    app        TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    sid        TEXT NOT NULL,
    scope      TEXT NOT NULL,
    claims     TEXT,
    auth_time  INTEGER NOT NULL,
    acr        TEXT,
    offline    INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX families_user ON families (user_id);
CREATE INDEX families_session ON families (session_id);
CREATE INDEX families_expires ON families (expires_at);

CREATE TABLE codes (
    hash           BLOB PRIMARY KEY,
    session_id     TEXT NOT NULL,
    app            TEXT NOT NULL,
    client_id      TEXT NOT NULL,
    redirect_uri   TEXT NOT NULL,
    scope          TEXT NOT NULL,
    nonce          TEXT,
    pkce_challenge TEXT,
    pkce_method    TEXT,
    claims         TEXT,
    auth_time      INTEGER NOT NULL,
    acr            TEXT,
    family         TEXT NOT NULL,
    issued_at      INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    redeemed_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_expires ON codes (expires_at);

CREATE TABLE access_tokens (
    hash       BLOB PRIMARY KEY,
    family     TEXT NOT NULL,
    scope      TEXT NOT NULL,
    aud        TEXT NOT NULL,
    offline    INTEGER NOT NULL,
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX access_tokens_expires ON access_tokens (expires_at);

CREATE TABLE refresh_tokens (
    hash       BLOB PRIMARY KEY,
    family     TEXT NOT NULL,
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    rotated_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires_at);

CREATE TABLE consents (
    user_id TEXT NOT NULL,
    app     TEXT NOT NULL,
    scopes  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (user_id, app)
) STRICT, WITHOUT ROWID;

CREATE TABLE logouts (
    id           TEXT PRIMARY KEY,
    scope        TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    party        TEXT,
    reason       TEXT,
    at           INTEGER NOT NULL,
    ip           TEXT,
    state        TEXT NOT NULL,
    sessions     TEXT NOT NULL,
    key_hash     BLOB
) STRICT;
CREATE INDEX logouts_at ON logouts (at, id);
CREATE INDEX logouts_user ON logouts (user_id, at);
CREATE INDEX logouts_state ON logouts (state, at);

-- The outbox. due_at is when the worker must look at the step again: the next attempt, or the end of a lease.
CREATE TABLE steps (
    id              TEXT PRIMARY KEY,
    logout_id       TEXT NOT NULL REFERENCES logouts (id) ON DELETE CASCADE,
    number          INTEGER NOT NULL,
    party           TEXT NOT NULL,
    protocol        TEXT NOT NULL,
    channel         TEXT,
    user_id         TEXT NOT NULL,
    session_id      TEXT,
    target          TEXT NOT NULL,
    destination     TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    detail          TEXT,
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER,
    deadline        INTEGER NOT NULL,
    goes_first      INTEGER NOT NULL,
    tell_again      INTEGER NOT NULL,
    key_retried     INTEGER NOT NULL,
    due_at          INTEGER,
    lease_node      TEXT,
    lease_until     INTEGER
) STRICT;
CREATE INDEX steps_logout ON steps (logout_id, number);
CREATE INDEX steps_session ON steps (session_id);
CREATE INDEX steps_due ON steps (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX steps_destination ON steps (destination, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX steps_waiting ON steps (deadline) WHERE outcome = 'pending' AND due_at IS NULL;

CREATE TABLE attempts (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    step_id   TEXT NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    logout_id TEXT NOT NULL,
    node      TEXT NOT NULL,
    at        INTEGER NOT NULL,
    status    INTEGER,
    ms        INTEGER NOT NULL,
    detail    TEXT
) STRICT;
CREATE INDEX attempts_logout ON attempts (logout_id);
CREATE INDEX attempts_step ON attempts (step_id);

-- What gateways and caches must deny, in order: ended sessions, and epochs that kill all older sessions of a user.
CREATE TABLE revocations (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    session_id TEXT,
    user_id    TEXT,
    epoch      INTEGER
) STRICT;
CREATE INDEX revocations_at ON revocations (at);

-- Append-only: nothing in the store changes or deletes these rows.
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    user_id    TEXT,
    session_id TEXT,
    logout_id  TEXT,
    party      TEXT,
    ip         TEXT,
    detail     TEXT
) STRICT;

CREATE TABLE signing_keys (
    kid             TEXT PRIMARY KEY,
    alg             TEXT NOT NULL,
    sealed          BLOB NOT NULL,
    created_at      INTEGER NOT NULL,
    signs_from      INTEGER NOT NULL,
    retired_at      INTEGER,
    published_until INTEGER
) STRICT;

CREATE TABLE clients (
    client_id               TEXT PRIMARY KEY,
    metadata                TEXT NOT NULL,
    secret_hash             BLOB,
    registration_token_hash BLOB,
    created_at              INTEGER NOT NULL,
    updated_at              INTEGER NOT NULL
) STRICT;

CREATE TABLE pushed_requests (
    hash       BLOB PRIMARY KEY,
    client_id  TEXT NOT NULL,
    params     TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pushed_requests_expires ON pushed_requests (expires_at);

-- What may be used only once: assertion ids, confirmation tokens.
CREATE TABLE used_once (
    kind     TEXT NOT NULL,
    key_hash BLOB NOT NULL,
    until    INTEGER NOT NULL,
    PRIMARY KEY (kind, key_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX used_once_until ON used_once (until);
