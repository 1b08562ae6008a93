"""Lists the notes left in source files."""

__version__ = "0.1.0"
