"""Measurements of the factory; each module prints its own section of RESULTS.md."""
