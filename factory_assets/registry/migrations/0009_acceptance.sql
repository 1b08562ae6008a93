-- What was agreed, before it was built, that a spec's repo has to do: contract and scenarios, of which most are held
-- out from whoever builds it.
CREATE TABLE acceptances (
    spec_id BIGINT PRIMARY KEY,
    acceptance JSON NOT NULL,
    agreed_at TIMESTAMP NOT NULL
);

-- What each scenario came to on a commit.
CREATE TABLE scenario_results (
    spec_id BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    commit TEXT NOT NULL,
    phase TEXT NOT NULL,
    results JSON NOT NULL,
    judged_at TIMESTAMP NOT NULL,
    PRIMARY KEY (spec_id, attempt, commit, phase)
);
