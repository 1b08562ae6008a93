"""Writes typographic quotes and dashes as plain ASCII."""

__version__ = "0.1.0"
