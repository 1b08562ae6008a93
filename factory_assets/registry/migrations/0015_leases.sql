-- Who builds a spec. place is where, fence grows each time that another one takes it, and renewed_at is NULL once the
-- build has ended.
CREATE TABLE leases (
    spec_id BIGINT PRIMARY KEY,
    place TEXT NOT NULL,
    run_id TEXT NOT NULL,
    fence BIGINT NOT NULL,
    renewed_at TIMESTAMP
);
