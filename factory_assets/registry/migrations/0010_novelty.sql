-- What is known of a spec's novelty: novelty holds all of it. released: a person has let a spec go on that was to be
-- skipped.
CREATE TABLE novelty (
    spec_id BIGINT PRIMARY KEY,
    verdict TEXT NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    novelty JSON NOT NULL,
    looked_up_at TIMESTAMP NOT NULL,
    released BOOLEAN NOT NULL DEFAULT FALSE
);

-- What catalogues answered, by the address that was asked: a JSON list.
CREATE TABLE novelty_answers (
    question TEXT PRIMARY KEY,
    found JSON NOT NULL,
    answered_at TIMESTAMP NOT NULL
);

DROP VIEW queued_specs;

-- A spec that exists already waits for a person, unless its build has begun.
CREATE VIEW queued_specs AS
SELECT id, name, CAST(spec AS TEXT) AS spec, day, rank, status, attempts, queued_at, started_at, shipped_at,
       not_before, run_id, error_log, analysed_day,
       CASE WHEN status = 'queued' AND started_at IS NULL AND novelty.verdict = 'skip' AND NOT released
            THEN 'exists already'
            WHEN status = 'queued' THEN spec_waits.cause END AS wait_cause,
       CASE WHEN status = 'queued' THEN spec_waits.phase END AS wait_phase,
       CASE WHEN status = 'queued' THEN spec_waits.limit_usd END AS wait_limit_usd,
       coalesce(spec_waits.times, 0) AS waits
FROM build_queue
LEFT JOIN spec_waits ON spec_waits.spec_id = build_queue.id
LEFT JOIN novelty ON novelty.spec_id = build_queue.id;
