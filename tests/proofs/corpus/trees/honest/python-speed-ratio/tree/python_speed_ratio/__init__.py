"""Compares two lists of timings by the ratio of their medians."""

__version__ = "0.1.0"
