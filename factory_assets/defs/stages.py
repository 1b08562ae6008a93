"""The four stages as resources: what an asset calls, whatever gateways stand behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Protocol

from factory_assets.analyze.report import AnalysisReport
from factory_assets.build.report import BuildReport
from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.specs import QueuedSpec
from factory_assets.gather.report import GatherReport
from factory_assets.mirror.target import MirrorReport

Notify = Callable[[str], None]


class Gathering(Protocol):
    """Fetches papers and stores them."""

    def gather(self, days: Sequence[date], notify: Notify) -> GatherReport:
        """Gather all papers submitted on `days`.

        Raises:
            GatherIncompleteError: some request finally failed; what was gathered is stored.
        """
        ...


class Analysing(Protocol):
    """Turns papers into queued specs."""

    def analyze(self, day: date, notify: Notify) -> AnalysisReport:
        """Analyse the day's papers that were not read yet."""
        ...


class Building(Protocol):
    """Builds one spec."""

    def build(self, queued: QueuedSpec, run_id: str, notify: Notify) -> BuildReport:
        """Build, pass the gates and ship; errors carry the report as far as it got."""
        ...


class Mirroring(Protocol):
    """Publishes one shipped repo."""

    def mirror(self, repo: ShippedRepo, paper_ids: Sequence[str], notify: Notify) -> MirrorReport:
        """Publish `main` and its tag; the same repo twice changes nothing."""
        ...
