"""All that is used of Dagster beyond its public interface, as it stands in 1.13.27.

A module for each part that is slow to import. A new version of Dagster is tried by reading what changed of these
names, and by the tests of defs.
"""
