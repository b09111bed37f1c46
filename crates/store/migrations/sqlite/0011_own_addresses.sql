-- The addresses of people who sign in here and not at a provider of theirs: what the operator says whose they are.
CREATE INDEX users_own_address ON users (lower(email)) WHERE connection IS NULL AND deleted_at IS NULL;
