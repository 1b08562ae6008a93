"""Lists the different words of a text in order."""

__version__ = "0.1.0"
