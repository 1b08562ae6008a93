"""The analyze stage: the papers of a day become ranked, validated specs. No Dagster, no SQL."""
