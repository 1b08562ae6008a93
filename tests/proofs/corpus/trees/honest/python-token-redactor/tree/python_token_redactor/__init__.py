"""Takes tokens out of log lines."""

__version__ = "0.1.0"
