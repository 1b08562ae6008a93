"""The idea engine: a date's papers scored, the research around the best, and specs that rest on it."""
