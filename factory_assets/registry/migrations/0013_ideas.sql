-- Every paper of a date with its score, from 0 to 100. reasons: a JSON list. chosen: one of the best of the date, around
-- which is looked for more.
CREATE TABLE candidates (
    day DATE NOT NULL,
    arxiv_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    reasons JSON NOT NULL,
    chosen BOOLEAN NOT NULL,
    scored_at TIMESTAMP NOT NULL,
    PRIMARY KEY (day, arxiv_id)
);

-- What was found around a candidate. pieces and gaps: JSON lists; with no gap all was looked up.
CREATE TABLE research_contexts (
    day DATE NOT NULL,
    arxiv_id TEXT NOT NULL,
    pieces JSON NOT NULL,
    gaps JSON NOT NULL,
    made_at TIMESTAMP NOT NULL,
    PRIMARY KEY (day, arxiv_id)
);
