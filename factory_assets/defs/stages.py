"""The instance as a resource: what assets, sensors and schedules call of it.

A part that tests replace is stated here as a protocol, no wider than it is called; the others are the instance's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol

from factory_assets.building.outcome import Outcome
from factory_assets.domain.analysis_report import AnalysisReport
from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.novelty import Novelty
from factory_assets.domain.research import Candidate, ResearchContext
from factory_assets.domain.specs import QueuedSpec
from factory_assets.gather.agreement import Difference
from factory_assets.gather.report import GatherReport
from factory_assets.mirror.target import MirrorReport

if TYPE_CHECKING:
    from factory_assets.archive.report import HarvestReport
    from factory_assets.instance.batching import Batching
    from factory_assets.instance.router import InstanceRouter
    from factory_assets.instance.upkeep import Alerts, Imports, Upkeep

Notify = Callable[[str], None]


class Gathering(Protocol):
    """Fetches papers and stores them."""

    def gather(
        self, days: Sequence[date], notify: Notify, brought: Callable[[GatherReport], None]
    ) -> GatherReport:
        """Gather all papers submitted on `days`; `brought` gets the reports of some of them that are sure by then.

        Raises:
            GatherIncompleteError: some request finally failed; what was gathered is stored.
        """
        ...

    def differences(self, days: Sequence[date]) -> Sequence[Difference]:
        """Where the registry and the archive tell different papers of a date that the archive holds."""
        ...


class Archiving(Protocol):
    """Harvests arXiv's changed records into the archive."""

    def harvest(self, first: date, last: date, notify: Notify) -> Iterator[HarvestReport]:
        """Harvest the records that changed on these dates; a report once each window of them is in.

        Raises:
            FactoryError: arXiv did not answer; the windows before are in.
        """
        ...

    def next_dates(self) -> tuple[date, date]:
        """What the next harvest asks for."""
        ...


class Analysing(Protocol):
    """Turns papers into queued specs."""

    def analyze(self, day: date, notify: Notify) -> AnalysisReport:
        """Analyse the day's papers that were not read yet."""
        ...


class Synthesizing(Protocol):
    """Turns research into queued specs."""

    def synthesize(self, day: date, notify: Notify) -> AnalysisReport:
        """Make specs of the research around the day's papers that were not read yet."""
        ...


class Scouting(Protocol):
    """Looks up whether what specs describe exists already."""

    def look_up(self, specs: Sequence[QueuedSpec], notify: Notify) -> Mapping[int, Novelty]:
        """What is known of the novelty of these specs, by id; looked up where their build has not begun."""
        ...


class Ideas(Protocol):
    """Chooses candidates, and looks around them."""

    def discover(self, day: date, notify: Notify) -> Sequence[Candidate]:
        """Score the papers of a date, choose the best, and keep that."""
        ...

    def research(self, day: date, notify: Notify) -> Sequence[ResearchContext]:
        """Look around the chosen candidates of a date, but for those of which all is known."""
        ...


class Building(Protocol):
    """Builds one spec."""

    def build(self, queued: QueuedSpec, run_id: str, notify: Notify) -> Outcome:
        """Build, pass the gates and ship; errors carry the report as far as it got."""
        ...


class Mirroring(Protocol):
    """Publishes one shipped repo."""

    def mirror(self, repo: ShippedRepo, paper_ids: Sequence[str], notify: Notify) -> MirrorReport:
        """Publish `main` and its tag; the same repo twice changes nothing."""
        ...


class Credential(Protocol):
    """What is shown to the model's server."""

    def digest(self) -> str:
        """A digest of the credential in use: it changes when the operator changes the credential."""
        ...

    def works(self) -> bool | None:
        """Whether the model's server takes the credential, tried without cost; None where that cannot be told."""
        ...


class InstanceParts(Protocol):
    """What one instance is made of; see instance.Instance."""

    @property
    def gathering(self) -> Gathering:
        """Papers from arXiv."""
        ...

    @property
    def archiving(self) -> Archiving:
        """The metadata of arXiv on this machine."""
        ...

    @property
    def analysis(self) -> Analysing:
        """Specs from papers."""
        ...

    @property
    def synthesis(self) -> Synthesizing:
        """Specs from the research around papers."""
        ...

    @property
    def batching(self) -> Batching:
        """The same, asked in message batches."""
        ...

    @property
    def scouting(self) -> Scouting:
        """What exists already."""
        ...

    @property
    def ideas(self) -> Ideas:
        """Candidates and the research around them."""
        ...

    @property
    def builds(self) -> Building:
        """Repos from specs."""
        ...

    @property
    def mirroring(self) -> Mirroring:
        """Repos to where they are published."""
        ...

    @property
    def credential(self) -> Credential:
        """Whether the credential in use serves, and when it has changed."""
        ...

    @property
    def router(self) -> InstanceRouter:
        """The one way to a model."""
        ...

    @property
    def intake(self) -> Imports:
        """Specs from outside."""
        ...

    @property
    def housekeeping(self) -> Upkeep:
        """What nobody needs any more."""
        ...

    @property
    def alerts(self) -> Alerts:
        """Where an operator is told of what needs a person."""
        ...
