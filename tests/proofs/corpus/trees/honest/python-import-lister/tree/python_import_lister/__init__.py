"""Lists what the Python files of a folder import."""

__version__ = "0.1.0"
