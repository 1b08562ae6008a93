"""Sums the hours of a plain text log."""

from .log import BadLine, Entry, parse
from .report import Report, by_day, by_project

__all__ = ["BadLine", "Entry", "Report", "by_day", "by_project", "parse"]
