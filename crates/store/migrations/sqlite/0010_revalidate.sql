-- Asking a provider again whether somebody is still welcome there: when that is next due, how often it failed since it last
-- worked, and who is at it. And since when a sign-in's session is over, so that its tokens are wiped once nothing needs them.
ALTER TABLE upstreams ADD COLUMN revalidate_at INTEGER;
ALTER TABLE upstreams ADD COLUMN revalidate_failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE upstreams ADD COLUMN revalidate_lease TEXT;
ALTER TABLE upstreams ADD COLUMN over_since INTEGER;
UPDATE upstreams SET over_since = (SELECT s.ended_at FROM sessions s WHERE s.id = upstreams.session_id);
CREATE INDEX upstreams_revalidate ON upstreams (revalidate_at) WHERE revalidate_at IS NOT NULL;
CREATE INDEX upstreams_over ON upstreams (over_since) WHERE over_since IS NOT NULL;
