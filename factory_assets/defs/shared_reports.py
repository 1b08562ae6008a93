"""What daemons report to a storage of Dagster's that several hosts share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection


class SharedReports(ABC):
    """A run storage that tells one daemon's reports from another's, and their age by one clock."""

    @abstractmethod
    def now(self) -> float:
        """The clock of the reports, in seconds since the epoch: those of hosts may be minutes apart."""

    @abstractmethod
    def forget_reports(self, daemon_ids: Collection[str]) -> None:
        """Remove what these daemons have reported, and nothing of others."""
