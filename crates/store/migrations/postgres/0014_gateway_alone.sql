-- What a node that is only a gateway may see: these views and a few columns (`src/gateway/role.rs`). The barrier keeps functions of
-- whoever asks away from the rows that are left out.
CREATE VIEW gateway_evictions WITH (security_barrier) AS
    SELECT id, logout_id, session_id, party FROM steps
    WHERE channel = 'gateway' AND outcome = 'pending' AND session_id IS NOT NULL;
CREATE VIEW gateway_keys WITH (security_barrier) AS
    SELECT kid, alg, sealed, created_at, signs_from, retired_at, published_until FROM signing_keys
    WHERE alg = 'route-es256';

-- What such a node knows of the use of sessions, until a server adds it to them.
CREATE TABLE gateway_used (
    session_id TEXT NOT NULL,
    at         BIGINT NOT NULL
);

-- Such a node writes these itself, so what could not be read is not taken.
ALTER TABLE gateway_nodes ADD CHECK (length(node) <= 100 AND seen_at >= 0);
ALTER TABLE gateway_acks ADD CHECK (length(node) <= 100 AND at >= 0 AND streams BETWEEN 0 AND 4294967295);
ALTER TABLE gateway_used ADD CHECK (length(session_id) <= 100 AND at >= 0);
