-- The factory's tables. Times are UTC without a zone. Read and written by DuckDB today, by PostgreSQL too.

-- Papers. id is the version-free id in its source; created_at is the time of version 1, day its UTC day.
-- authors and categories are JSON lists. score stays NULL for sources that have none. fed_to_claude says whether an analysis has read the paper.
CREATE TABLE raw_items (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    url TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    score DOUBLE PRECISION,
    author TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    gathered_at TIMESTAMP NOT NULL,
    fed_to_claude BOOLEAN NOT NULL DEFAULT FALSE,
    version INTEGER NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    day DATE NOT NULL,
    authors TEXT NOT NULL,
    categories TEXT NOT NULL,
    comment TEXT,
    fingerprint TEXT NOT NULL
);

CREATE TABLE labels (
    item_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    PRIMARY KEY (item_id, topic)
);

-- One row per analysis of a date, a date without papers too.
CREATE TABLE analyses (
    day DATE NOT NULL,
    analysed_at TIMESTAMP NOT NULL,
    papers INTEGER NOT NULL,
    specs INTEGER NOT NULL,
    invalid_dropped INTEGER NOT NULL,
    PRIMARY KEY (day, analysed_at)
);

CREATE SEQUENCE answer_ids;

-- What the model answered, word for word, before anything was made of it.
CREATE TABLE answers (
    id BIGINT PRIMARY KEY,
    day DATE NOT NULL,
    purpose TEXT NOT NULL,
    model TEXT NOT NULL,
    prompt_hash TEXT NOT NULL,
    answer TEXT NOT NULL,
    answered_at TIMESTAMP NOT NULL
);

CREATE SEQUENCE spec_ids;

-- Specs. spec holds all of it; the columns beside it are for people. source_url is the first source paper,
-- analysed_day the date whose analysis proposed it; day and rank are its partition, NULL while none is free.
-- While a build is deferred, not_before is its earliest next start and error_log the reason.
CREATE TABLE build_queue (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    problem TEXT NOT NULL,
    source_url TEXT NOT NULL,
    solution TEXT NOT NULL,
    language TEXT NOT NULL,
    files JSON NOT NULL,
    estimated_lines INTEGER NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    queued_at TIMESTAMP NOT NULL,
    started_at TIMESTAMP,
    shipped_at TIMESTAMP,
    error_log TEXT,
    complexity TEXT NOT NULL,
    who_pays TEXT NOT NULL,
    integration_point TEXT NOT NULL,
    moat TEXT NOT NULL,
    spec JSON NOT NULL,
    analysed_day DATE,
    day DATE,
    rank INTEGER,
    not_before TIMESTAMP,
    run_id TEXT,
    UNIQUE (day, rank)
);

CREATE VIEW queued_specs AS
SELECT id, name, CAST(spec AS TEXT) AS spec, day, rank, status, attempts, queued_at, started_at, shipped_at,
       not_before, run_id, error_log, analysed_day
FROM build_queue;

-- Phases that are done: their commits stand in the bare repository. usage is JSON.
CREATE TABLE phases (
    spec_id BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    phase TEXT NOT NULL,
    commit TEXT NOT NULL,
    model TEXT NOT NULL,
    turns INTEGER NOT NULL,
    usage JSON NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    finished_at TIMESTAMP NOT NULL,
    PRIMARY KEY (spec_id, attempt, phase)
);

CREATE TABLE verdicts (
    spec_id BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    phase TEXT NOT NULL,
    gate TEXT NOT NULL,
    passed BOOLEAN NOT NULL,
    saw TEXT NOT NULL,
    mend TEXT NOT NULL,
    decided_at TIMESTAMP NOT NULL,
    PRIMARY KEY (spec_id, attempt, phase, gate)
);

CREATE TABLE repos (
    name TEXT PRIMARY KEY,
    language TEXT NOT NULL,
    problem TEXT NOT NULL,
    source_url TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    last_maintained TIMESTAMP NOT NULL,
    version TEXT NOT NULL,
    lines_of_code INTEGER NOT NULL,
    has_tests BOOLEAN NOT NULL,
    tests_pass BOOLEAN NOT NULL,
    github_pushed BOOLEAN NOT NULL DEFAULT FALSE,
    github_push_at TIMESTAMP,
    spec_id BIGINT NOT NULL UNIQUE,
    commit TEXT NOT NULL,
    tests_executed INTEGER NOT NULL
);

CREATE TABLE mirrors (
    name TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    commit TEXT NOT NULL,
    mirrored_at TIMESTAMP NOT NULL
);

-- The ledger. id is a digest of the call, so that recording it again changes nothing.
CREATE TABLE llm_calls (
    id TEXT PRIMARY KEY,
    stage TEXT NOT NULL,
    partition TEXT NOT NULL,
    repo TEXT,
    phase TEXT,
    route TEXT NOT NULL,
    model TEXT NOT NULL,
    calls INTEGER NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cache_read_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    cost_usd DOUBLE PRECISION NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    cache_hit BOOLEAN NOT NULL,
    outcome TEXT NOT NULL,
    called_at TIMESTAMP NOT NULL
);
