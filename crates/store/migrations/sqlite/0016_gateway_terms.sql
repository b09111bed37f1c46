-- How old a session may be, in microseconds, by the servers: what ended before that is not kept, so nothing older may pass anywhere.
CREATE TABLE gateway_terms (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    longest INTEGER NOT NULL
) STRICT;
