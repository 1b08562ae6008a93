"""The four stages as resources: what an asset calls, whatever gateways stand behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from factory_assets.alerts.send import AlertPlaces
from factory_assets.analyze.report import AnalysisReport
from factory_assets.building.outcome import Outcome
from factory_assets.domain.batches import AnalysisBatch
from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.novelty import Novelty
from factory_assets.domain.specs import QueuedSpec
from factory_assets.gather.report import GatherReport
from factory_assets.intake.folder import FileReport
from factory_assets.mirror.target import MirrorReport

if TYPE_CHECKING:
    from factory_assets.router.client import RouterState
    from factory_assets.router.windows import Room, Windows

Notify = Callable[[str], None]


class Clock(Protocol):
    """Tells the time, so that weeks can be simulated."""

    def now(self) -> datetime:
        """The time, in UTC."""
        ...


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


class Analysing(Protocol):
    """Turns papers into queued specs."""

    def analyze(self, day: date, notify: Notify) -> AnalysisReport:
        """Analyse the day's papers that were not read yet."""
        ...


class Scouting(Protocol):
    """Looks up whether what specs describe exists already."""

    def look_up(self, specs: Sequence[QueuedSpec], notify: Notify) -> Mapping[int, Novelty]:
        """What is known of the novelty of these specs, by id; looked up where their build has not begun."""
        ...


class Batching(Protocol):
    """Has a date's papers asked about in a message batch; see batching.BatchAccess."""

    def submit_batch(
        self, day: date, run_id: str, *, is_alive: Callable[[str], bool], notify: Notify
    ) -> AnalysisBatch:
        """Make the batch of a date, unless one is open, and tell how it stands."""
        ...

    def batch_has_ended(self, batch: AnalysisBatch) -> bool:
        """Whether it can be read."""
        ...

    def cancel_batch(self, batch: AnalysisBatch) -> None:
        """Let it end with what is answered by now."""
        ...

    def book_batch(self, batch: AnalysisBatch) -> None:
        """Write down what it has cost, once it has ended."""
        ...


class Building(Protocol):
    """Builds one spec."""

    def build(self, queued: QueuedSpec, run_id: str, notify: Notify) -> Outcome:
        """Build, pass the gates and ship; errors carry the report as far as it got."""
        ...

    def credential_digest(self) -> str:
        """A digest of the credential in use: it changes when the operator changes the credential."""
        ...

    def credential_works(self) -> bool | None:
        """Whether the model's server takes the credential, tried without cost; None where that cannot be told."""
        ...


class Routing(Protocol):
    """Tells of the way to the model."""

    def router_state(self) -> RouterState | None:
        """What the live factory's router tells of itself; None where none runs."""
        ...

    def windows(self) -> Windows:
        """How full the subscription's windows are; empty where nothing is known."""
        ...

    def room_for_build(self, minutes: float, now: datetime) -> Room:
        """Whether a build of so many minutes can end before the windows of the credential in use are full."""
        ...


class Mirroring(Protocol):
    """Publishes one shipped repo."""

    def mirror(self, repo: ShippedRepo, paper_ids: Sequence[str], notify: Notify) -> MirrorReport:
        """Publish `main` and its tag; the same repo twice changes nothing."""
        ...


class Importing(Protocol):
    """Takes specs from the operator's folder."""

    def import_folder(self, now: datetime) -> list[FileReport]:
        """Import every file that waits there; see intake.folder."""
        ...

    def preview_folder(self, now: datetime) -> list[str]:
        """Say of each file that waits there, in a line, what an import would do with it; nothing is touched."""
        ...


class Sweeping(Protocol):
    """Removes what nobody needs any more."""

    def sweep(self, *, before: datetime, remove: bool) -> list[str]:
        """Remove what is older than `before`, or only tell what would go; one line for each kind of thing."""
        ...


class Alerting(Protocol):
    """Where an operator is told of what needs a person."""

    def alert_places(self) -> AlertPlaces:
        """The places that are set."""
        ...

    def ui_url(self) -> str:
        """Where the operator opens the UI."""
        ...
