-- The System Log is read by time, by logout, and in the order in which it was written (its key).
-- Rows are still never changed; those older than the retention are swept by their time.
ALTER TABLE events ADD COLUMN facts TEXT;
CREATE INDEX events_at ON events (at, seq);
CREATE INDEX events_logout ON events (logout_id, seq) WHERE logout_id IS NOT NULL;
