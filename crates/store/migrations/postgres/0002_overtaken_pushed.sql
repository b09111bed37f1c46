-- Why a user's epoch was raised outside of a logout, until a logout of them tells the applications.
ALTER TABLE users ADD COLUMN overtaken TEXT;
CREATE INDEX users_overtaken ON users (id) WHERE overtaken IS NOT NULL;
UPDATE users SET overtaken = 'the user was disabled, or their password changed' WHERE EXISTS (
    SELECT 1 FROM sessions s WHERE s.user_id = users.id AND s.ended_at IS NULL AND s.epoch < users.epoch
);

-- From where a client that cannot prove itself pushed a request; what is live is counted by it.
ALTER TABLE pushed_requests ADD COLUMN pushed_from TEXT;
CREATE INDEX pushed_requests_client ON pushed_requests (client_id, pushed_from, expires_at);
