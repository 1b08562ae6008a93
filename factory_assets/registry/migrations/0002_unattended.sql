-- What a factory that runs unattended must remember.

-- Dollars set aside for a phase that is running: it goes when the phase is settled in llm_calls. spent_usd is what the
-- run has metered so far; usage is JSON.
CREATE TABLE reservations (
    id TEXT PRIMARY KEY,
    spec_id BIGINT NOT NULL,
    repo TEXT NOT NULL,
    stage TEXT NOT NULL,
    partition TEXT NOT NULL,
    phase TEXT NOT NULL,
    route TEXT NOT NULL,
    model TEXT NOT NULL,
    run_id TEXT NOT NULL,
    reserved_usd DOUBLE PRECISION NOT NULL,
    spent_usd DOUBLE PRECISION NOT NULL,
    usage JSON NOT NULL,
    opened_at TIMESTAMP NOT NULL
);

-- When each attempt began. One that is deferred and started again is the same attempt.
CREATE TABLE attempts (
    spec_id BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    started_at TIMESTAMP NOT NULL,
    PRIMARY KEY (spec_id, attempt)
);

-- Why a queued spec waits, in which phase it was stopped, and how often rate limits and infrastructure have put it
-- off since its last finished phase. limit_usd is the limit in force when a budget stopped it: it goes on when the
-- setting is higher. The row outlives the wait, for the count.
CREATE TABLE spec_waits (
    spec_id BIGINT PRIMARY KEY,
    cause TEXT NOT NULL,
    phase TEXT,
    limit_usd DOUBLE PRECISION,
    times INTEGER NOT NULL
);

-- Stops of the whole factory. credential is a digest of what was refused: another one lifts the stop.
CREATE TABLE holds (
    cause TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    mend TEXT NOT NULL,
    since TIMESTAMP NOT NULL,
    credential TEXT NOT NULL
);

-- Where an imported spec came from, and what its file said beside the spec.
CREATE TABLE spec_origins (
    spec_id BIGINT PRIMARY KEY,
    origin TEXT NOT NULL,
    source TEXT NOT NULL,
    source_url TEXT,
    source_repos JSON NOT NULL,
    market_analysis TEXT,
    imported_at TIMESTAMP NOT NULL
);

-- One row per cause an operator was told of: one message per cause, not one per repo.
CREATE TABLE alerts (
    cause TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    link TEXT NOT NULL,
    times INTEGER NOT NULL,
    first_at TIMESTAMP NOT NULL,
    last_at TIMESTAMP NOT NULL,
    sent_at TIMESTAMP
);

DROP VIEW queued_specs;

CREATE VIEW queued_specs AS
SELECT id, name, CAST(spec AS TEXT) AS spec, day, rank, status, attempts, queued_at, started_at, shipped_at,
       not_before, run_id, error_log, analysed_day,
       CASE WHEN status = 'queued' THEN spec_waits.cause END AS wait_cause,
       CASE WHEN status = 'queued' THEN spec_waits.phase END AS wait_phase,
       CASE WHEN status = 'queued' THEN spec_waits.limit_usd END AS wait_limit_usd,
       coalesce(spec_waits.times, 0) AS waits
FROM build_queue LEFT JOIN spec_waits ON spec_waits.spec_id = build_queue.id;
