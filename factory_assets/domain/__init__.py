"""The factory's own words and rules: pure models and functions, with no Dagster and no I/O."""
