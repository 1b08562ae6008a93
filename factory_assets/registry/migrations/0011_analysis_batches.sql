-- A date's questions in a message batch, from before it is asked for until its analysis is done and its cost is booked.
-- name is what the router knows it by, run_id the run that makes it, papers the arXiv ids that it is about.
CREATE TABLE analysis_batches (
    name TEXT PRIMARY KEY,
    day DATE NOT NULL,
    run_id TEXT NOT NULL,
    papers JSON NOT NULL,
    requests INTEGER NOT NULL,
    asked_at TIMESTAMP NOT NULL,
    late_at TIMESTAMP NOT NULL,
    batch_id TEXT,
    cancelled_at TIMESTAMP,
    ready_at TIMESTAMP,
    why TEXT NOT NULL,
    closed_at TIMESTAMP,
    booked_at TIMESTAMP
);
