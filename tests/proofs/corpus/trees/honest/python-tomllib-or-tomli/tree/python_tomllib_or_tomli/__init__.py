"""Prints a key of a TOML file."""

__version__ = "0.1.0"
