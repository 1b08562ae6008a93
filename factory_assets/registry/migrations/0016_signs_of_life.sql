-- Which runs' processes live, where several hosts share the registry. A row goes with its run; one that the factory has
-- only seen, and not heard of yet, has no host.
CREATE TABLE run_signs (
    run_id TEXT PRIMARY KEY,
    host TEXT,
    pid BIGINT,
    renewed_at TIMESTAMP NOT NULL
);

-- When a server was last asked by any host, and until when it wants to hear nothing.
CREATE TABLE server_turns (
    server TEXT PRIMARY KEY,
    asked_at TIMESTAMP,
    quiet_until TIMESTAMP
);
