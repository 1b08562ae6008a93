-- What a source of citations counted of a paper; the counts are empty where it did not know the paper, or not what
-- the paper refers to.
CREATE TABLE citation_counts (
    arxiv_id TEXT NOT NULL,
    source TEXT NOT NULL,
    cited_by INTEGER,
    reference_count INTEGER,
    fetched_at TIMESTAMP NOT NULL,
    PRIMARY KEY (arxiv_id, source)
);

-- Which paper names which, as a source told it when it was asked about one of the two: so much is replaced when it is
-- asked about that one again.
CREATE TABLE citations (
    about TEXT NOT NULL,
    source TEXT NOT NULL,
    citing TEXT NOT NULL,
    cited TEXT NOT NULL,
    PRIMARY KEY (about, source, citing, cited)
);

CREATE TABLE citation_titles (
    arxiv_id TEXT PRIMARY KEY,
    title TEXT NOT NULL
);
