-- Dates of which something is missing since the gather at that time: what, and why. The row goes when the date is whole.
CREATE TABLE incomplete_dates (
    day DATE PRIMARY KEY,
    since TIMESTAMP NOT NULL,
    missing TEXT NOT NULL
);
