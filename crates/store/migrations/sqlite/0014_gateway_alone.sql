-- What a node that is only a gateway may see, on PostgreSQL; here the same names, so that a query is written once.
CREATE VIEW gateway_evictions AS
    SELECT id, logout_id, session_id, party FROM steps
    WHERE channel = 'gateway' AND outcome = 'pending' AND session_id IS NOT NULL;
CREATE VIEW gateway_keys AS
    SELECT kid, alg, sealed, created_at, signs_from, retired_at, published_until FROM signing_keys
    WHERE alg = 'route-es256';

CREATE TABLE gateway_used (
    session_id TEXT NOT NULL,
    at         INTEGER NOT NULL
) STRICT;
