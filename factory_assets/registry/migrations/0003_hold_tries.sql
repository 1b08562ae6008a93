-- How often in a row a stop of the queue was lifted to see whether it comes back. lifted_at is NULL while it stands.
CREATE TABLE hold_tries (
    cause TEXT PRIMARY KEY,
    tries INTEGER NOT NULL,
    lifted_at TIMESTAMP
);
