"""What daemons report to a storage of Dagster's that several hosts share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection

STARTS_RUNS = "QUEUED_RUN_COORDINATOR"
"""The part of a daemon that starts queued runs. Two that report as it would start each run twice."""
FRESH_SECONDS = 75.0
"""For how long a report tells that a daemon runs; it reports every 30 seconds."""


class SharedReports(ABC):
    """A run storage that tells one daemon's reports from another's, and their age by one clock."""

    @abstractmethod
    def now(self) -> float:
        """The clock of the reports, in seconds since the epoch: those of hosts may be minutes apart."""

    @abstractmethod
    def forget_reports(self, daemon_ids: Collection[str]) -> None:
        """Remove what these daemons have reported, and nothing of others."""
