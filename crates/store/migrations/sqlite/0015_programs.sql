-- Until when a program's session lives, which no browser has; none for a browser's.
ALTER TABLE sessions ADD COLUMN lives_until INTEGER;
CREATE INDEX sessions_live_until ON sessions (lives_until) WHERE ended_at IS NULL AND lives_until IS NOT NULL;
