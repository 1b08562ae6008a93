"""Walks through a tree of lists and tells visitors what it meets."""

__version__ = "0.1.0"
