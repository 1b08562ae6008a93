"""Plays a record of requests and answers."""

__version__ = "0.1.0"
