-- What a model that has not written the code found in a commit of a spec's repo, and what became of each finding.
-- asked_as is a digest of the prompts, the model and the mode: what is asked otherwise is another reading.
CREATE TABLE readings (
    spec_id BIGINT NOT NULL,
    commit TEXT NOT NULL,
    asked_as TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    reading JSON NOT NULL,
    read_at TIMESTAMP NOT NULL,
    PRIMARY KEY (spec_id, commit, asked_as)
);
