"""The factory's report: plots and a page made from its statistics."""
