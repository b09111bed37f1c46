-- Times are microseconds since 1970 in UTC; hashes are SHA-256, 32 bytes; lists are JSON.

CREATE TABLE users (
    id             TEXT PRIMARY KEY,
    username       TEXT NOT NULL,
    email          TEXT,
    email_verified BIGINT NOT NULL,
    name           TEXT,
    password_hash  TEXT,
    group_names    TEXT NOT NULL,
    disabled       BIGINT NOT NULL,
    from_file      BIGINT NOT NULL,
    epoch          BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    deleted_at     BIGINT
);
-- A deleted user's name may be given again; the row stays for the sessions and receipts that name it.
CREATE UNIQUE INDEX users_username ON users (username) WHERE deleted_at IS NULL;

CREATE TABLE sessions (
    id               TEXT PRIMARY KEY,
    handle_hash      BYTEA NOT NULL UNIQUE,
    user_id          TEXT NOT NULL REFERENCES users (id),
    epoch            BIGINT NOT NULL,
    began_at         BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    last_seen_at     BIGINT NOT NULL,
    ip               TEXT,
    user_agent       TEXT,
    ended_at         BIGINT,
    logout_id        TEXT
);
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
    joined_at  BIGINT NOT NULL,
    channels   TEXT NOT NULL,
    closed_at  BIGINT,
    PRIMARY KEY (session_id, app)
);
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
    auth_time  BIGINT NOT NULL,
    acr        TEXT,
    offline    BIGINT NOT NULL,
    epoch      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX families_user ON families (user_id);
CREATE INDEX families_session ON families (session_id);
CREATE INDEX families_expires ON families (expires_at);

CREATE TABLE codes (
    hash           BYTEA PRIMARY KEY,
    session_id     TEXT NOT NULL,
    app            TEXT NOT NULL,
    client_id      TEXT NOT NULL,
    redirect_uri   TEXT NOT NULL,
    scope          TEXT NOT NULL,
    nonce          TEXT,
    pkce_challenge TEXT,
    pkce_method    TEXT,
    claims         TEXT,
    auth_time      BIGINT NOT NULL,
    acr            TEXT,
    family         TEXT NOT NULL,
    issued_at      BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    redeemed_at    BIGINT
);
CREATE INDEX codes_expires ON codes (expires_at);

CREATE TABLE access_tokens (
    hash       BYTEA PRIMARY KEY,
    family     TEXT NOT NULL,
    scope      TEXT NOT NULL,
    aud        TEXT NOT NULL,
    offline    BIGINT NOT NULL,
    issued_at  BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX access_tokens_expires ON access_tokens (expires_at);

CREATE TABLE refresh_tokens (
    hash       BYTEA PRIMARY KEY,
    family     TEXT NOT NULL,
    issued_at  BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    rotated_at BIGINT
);
CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires_at);

CREATE TABLE consents (
    user_id TEXT NOT NULL,
    app     TEXT NOT NULL,
    scopes  TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (user_id, app)
);

CREATE TABLE logouts (
    id           TEXT PRIMARY KEY,
    scope        TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    party        TEXT,
    reason       TEXT,
    at           BIGINT NOT NULL,
    ip           TEXT,
    state        TEXT NOT NULL,
    sessions     TEXT NOT NULL,
    key_hash     BYTEA
);
CREATE INDEX logouts_at ON logouts (at, id);
CREATE INDEX logouts_user ON logouts (user_id, at);
CREATE INDEX logouts_state ON logouts (state, at);

-- The outbox. due_at is when the worker must look at the step again: the next attempt, or the end of a lease.
CREATE TABLE steps (
    id              TEXT PRIMARY KEY,
    logout_id       TEXT NOT NULL REFERENCES logouts (id) ON DELETE CASCADE,
    number          BIGINT NOT NULL,
    party           TEXT NOT NULL,
    protocol        TEXT NOT NULL,
    channel         TEXT,
    user_id         TEXT NOT NULL,
    session_id      TEXT,
    target          TEXT NOT NULL,
    destination     TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    detail          TEXT,
    attempts        BIGINT NOT NULL,
    next_attempt_at BIGINT,
    deadline        BIGINT NOT NULL,
    goes_first      BIGINT NOT NULL,
    tell_again      BIGINT NOT NULL,
    key_retried     BIGINT NOT NULL,
    due_at          BIGINT,
    lease_node      TEXT,
    lease_until     BIGINT
);
CREATE INDEX steps_logout ON steps (logout_id, number);
CREATE INDEX steps_session ON steps (session_id);
CREATE INDEX steps_due ON steps (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX steps_destination ON steps (destination, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX steps_waiting ON steps (deadline) WHERE outcome = 'pending' AND due_at IS NULL;

CREATE TABLE attempts (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    step_id   TEXT NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    logout_id TEXT NOT NULL,
    node      TEXT NOT NULL,
    at        BIGINT NOT NULL,
    status    BIGINT,
    ms        BIGINT NOT NULL,
    detail    TEXT
);
CREATE INDEX attempts_logout ON attempts (logout_id);
CREATE INDEX attempts_step ON attempts (step_id);

-- What gateways and caches must deny, in order: ended sessions, and epochs that kill all older sessions of a user.
CREATE TABLE revocations (
    seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         BIGINT NOT NULL,
    session_id TEXT,
    user_id    TEXT,
    epoch      BIGINT
);
CREATE INDEX revocations_at ON revocations (at);

-- Append-only: nothing in the store changes or deletes these rows.
CREATE TABLE events (
    seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         BIGINT NOT NULL,
    kind       TEXT NOT NULL,
    user_id    TEXT,
    session_id TEXT,
    logout_id  TEXT,
    party      TEXT,
    ip         TEXT,
    detail     TEXT
);

CREATE TABLE signing_keys (
    kid             TEXT PRIMARY KEY,
    alg             TEXT NOT NULL,
    sealed          BYTEA NOT NULL,
    created_at      BIGINT NOT NULL,
    signs_from      BIGINT NOT NULL,
    retired_at      BIGINT,
    published_until BIGINT
);

CREATE TABLE clients (
    client_id               TEXT PRIMARY KEY,
    metadata                TEXT NOT NULL,
    secret_hash             BYTEA,
    registration_token_hash BYTEA,
    created_at              BIGINT NOT NULL,
    updated_at              BIGINT NOT NULL
);

CREATE TABLE pushed_requests (
    hash       BYTEA PRIMARY KEY,
    client_id  TEXT NOT NULL,
    params     TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX pushed_requests_expires ON pushed_requests (expires_at);

-- What may be used only once: assertion ids, confirmation tokens.
CREATE TABLE used_once (
    kind     TEXT NOT NULL,
    key_hash BYTEA NOT NULL,
    until    BIGINT NOT NULL,
    PRIMARY KEY (kind, key_hash)
);
CREATE INDEX used_once_until ON used_once (until);
