-- Why a user's epoch was raised outside of a logout, until a logout of them tells the applications.
ALTER TABLE users ADD COLUMN overtaken TEXT;
CREATE INDEX users_overtaken ON users (id) WHERE overtaken IS NOT NULL;
UPDATE users SET overtaken = 'the user was disabled, or their password changed' WHERE EXISTS (
    SELECT 1 FROM sessions s WHERE s.user_id = users.id AND s.ended_at IS NULL AND s.epoch < users.epoch
);
