-- For which repos a run was asked for last, and by whom: between that and the run there are some seconds.
CREATE TABLE launches (
    name TEXT PRIMARY KEY,
    run_key TEXT NOT NULL,
    asked_at TIMESTAMP NOT NULL
);
