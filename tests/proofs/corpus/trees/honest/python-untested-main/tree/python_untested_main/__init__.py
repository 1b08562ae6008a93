"""Turns a title into a slug for an address."""

__version__ = "0.1.0"
