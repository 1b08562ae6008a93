-- Since when something has been missing of a context; NULL where nothing is.
ALTER TABLE research_contexts ADD COLUMN open_since TIMESTAMP;
UPDATE research_contexts SET open_since = made_at WHERE CAST(gaps AS TEXT) <> '[]';
