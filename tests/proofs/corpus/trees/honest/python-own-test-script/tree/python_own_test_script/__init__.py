"""Sums the numbers of a column."""

__version__ = "0.1.0"
