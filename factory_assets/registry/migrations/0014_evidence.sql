-- What a researched spec rests on: evidence holds all of it. route is research or fusion.
CREATE TABLE spec_evidence (
    spec_id BIGINT PRIMARY KEY,
    route TEXT NOT NULL,
    evidence JSON NOT NULL
);
