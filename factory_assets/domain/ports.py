"""What the stages need from storage, as protocols; each is implemented by a subject of the registry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

from factory_assets.domain.acceptance import Acceptance, ScenarioResult
from factory_assets.domain.alerts import Alert, KnownAlert
from factory_assets.domain.builds import (
    GateVerdict,
    ModelCall,
    Phase,
    PhaseRecord,
    Reservation,
    ShippedRepo,
    Spending,
    Usage,
    WaitCause,
)
from factory_assets.domain.imports import ImportCounts, ImportedSpec
from factory_assets.domain.novelty import Found
from factory_assets.domain.papers import LabelledPaper, Paper, UpsertCounts
from factory_assets.domain.readings import Reading
from factory_assets.domain.research import Candidate, ResearchContext
from factory_assets.domain.specs import QueuedSpec, Spec


class PaperStore(Protocol):
    """Stored papers: added and updated, never removed."""

    def upsert(self, papers: Sequence[LabelledPaper], *, now: datetime) -> UpsertCounts:
        """Insert new papers, update changed ones with their labels; the same batch twice changes nothing.

        An updated paper keeps its gathered_at and its fed_to_claude mark.
        """
        ...


class HeldPapers(Protocol):
    """Papers that are on this machine already. Every method may raise InfrastructureError."""

    def holds(self, days: Sequence[date]) -> set[date]:
        """Those of some dates of which all papers are held that are inside."""
        ...

    def papers_of(self, first: date, last: date) -> list[Paper]:
        """The held papers that were first submitted on these dates, both included; the oldest first."""
        ...

    def is_inside(self, paper: Paper) -> bool:
        """Whether a paper is one of those that are held once their date is."""
        ...


class AnswerStore(Protocol):
    """The raw answers of models, stored before they are validated."""

    def keep(self, *, day: date, purpose: str, model: str, prompt_hash: str, text: str, now: datetime) -> int:
        """Keep one raw answer and return its id. `purpose` is batch 1/3, merge, repair, or a reading's."""
        ...

    def to(self, day: date, prompt_hash: str) -> list[str]:
        """The texts of the stored answers to this very prompt, the newest first."""
        ...


class SpecQueue(Protocol):
    """Where analysis queues the specs that it has chosen."""

    def add(
        self,
        day: date,
        specs: Sequence[Spec],
        analysed: Collection[str],
        *,
        dropped: int,
        ranks: range,
        late_ranks: range,
        now: datetime,
    ) -> list[QueuedSpec]:
        """Queue specs in ranked order and mark `analysed` arXiv ids as fed, in one transaction.

        A day's first analysis takes free ranks of `ranks`; later ones, and any where that is empty, take those of
        `late_ranks`. What finds no free rank waits unranked, and specs that waited from other days take free late
        ranks first. A name that is taken is skipped. Ranks once given never change. `dropped` is how many specs did
        not get so far; it is kept with the analysis.
        """
        ...


class ImportStore(Protocol):
    """Where imported specs are queued."""

    def queue(
        self, day: date, specs: Sequence[ImportedSpec], *, late_ranks: range, now: datetime
    ) -> ImportCounts:
        """Queue all of them or none, in one transaction; the same specs again change nothing.

        `day` is the import date. What finds no free rank of `late_ranks` waits without one.

        Raises:
            StatusError: naming the names that other specs have.
        """
        ...


class CallLedger(Protocol):
    """The ledger of model calls."""

    def record(self, call: ModelCall) -> None:
        """Add one line to llm_calls."""
        ...


class BuildLedger(CallLedger, Protocol):
    """The ledger as builds use it: nothing starts before its dollars are set aside."""

    def reserve(self, reservation: Reservation, *, day_budget_usd: float) -> None:
        """Set dollars aside, if the UTC day of `reservation.at` has room for them beside all that is spent and
        reserved; looking and reserving are one transaction. The same reservation twice is one.

        Raises:
            BudgetError: when there is no room; nothing is reserved.
        """
        ...

    def meter(self, reservation_id: str, usage: Usage) -> None:
        """Write down what a reservation has spent so far, so that a killed run's dollars are not lost."""
        ...

    def settle(self, reservation_id: str, call: ModelCall) -> None:
        """Add the line to llm_calls and end the reservation, in one transaction."""
        ...

    def refused_another(self, repo: str, phase: Phase) -> bool:
        """Whether the last session of this phase that tells anything of the model's API met a refusal which nobody
        understood, and was one of another repo. Sessions of `repo` that met such a refusal are not looked at.
        """
        ...

    def spending(self, spec_id: int, attempt: int) -> Spending:
        """What the spec's repo has cost so far. An attempt that was deferred and started again is one."""
        ...


class BuildJournal(Protocol):
    """What a build writes down as it goes, so that a run that dies can be resumed and explained.

    Every change of status obeys domain.builds.check_transition inside one transaction.
    """

    def held(self, spec_id: int, *, place: str, run_id: str) -> AbstractContextManager[BuildJournal]:
        """Hold the spec against other hosts; the journal that is given writes for as long as it is held.

        `place` names what only one run at a time can hold the spec's lock in: who holds that takes over at once what a
        run there had left. Each act of the given journal may raise LeaseLostError.

        Raises:
            LeaseHeldError: another host builds it.
        """
        ...

    def check(self) -> None:
        """Say that what is held is held still, and make sure of it.

        Raises:
            LeaseLostError: another host has taken it over.
        """
        ...

    def fence_above(self, number: int) -> int:
        """The number of what is held, above this one: each that takes it over later has a higher one.

        Raises:
            LeaseLostError: another host has taken it over.
        """
        ...

    def start(self, spec_id: int, *, run_id: str, now: datetime) -> QueuedSpec:
        """Claim the spec for this run. A fresh or failed spec starts its next attempt; one that a dead run
        left in a phase keeps its attempt. What a dead run had reserved is settled at what it had metered, with
        the outcome "worker lost".

        Raises:
            StatusError: when the spec is shipped already.
        """
        ...

    def enter_phase(self, spec_id: int, phase: Phase) -> None:
        """Set the status of the phase that starts now."""
        ...

    def finish_phase(self, spec_id: int, attempt: int, record: PhaseRecord) -> None:
        """Record a phase whose commit stands in the bare repository."""
        ...

    def phases_of(self, spec_id: int, attempt: int) -> list[PhaseRecord]:
        """The phases of an attempt that are done, in order."""
        ...

    def record_verdict(self, spec_id: int, attempt: int, verdict: GateVerdict, *, now: datetime) -> None:
        """Record one gate's decision; the latest for that attempt and gate counts."""
        ...

    def record_reading(
        self, spec_id: int, attempt: int, *, commit: str, asked_as: str, reading: Reading, now: datetime
    ) -> None:
        """Record what the reader found in a commit. `asked_as` is a digest of how it was asked."""
        ...

    def reading_of(self, spec_id: int, *, commit: str, asked_as: str) -> Reading | None:
        """What the reader found in a commit when it was asked so; None where it was not."""
        ...

    def record_acceptance(self, spec_id: int, acceptance: Acceptance, *, now: datetime) -> None:
        """Record what was agreed that the spec's repo has to do, in the place of what was agreed before."""
        ...

    def acceptance_of(self, spec_id: int) -> Acceptance | None:
        """What was agreed that the spec's repo has to do; None where nothing was."""
        ...

    def record_results(
        self,
        spec_id: int,
        attempt: int,
        *,
        commit: str,
        phase: Phase,
        results: Sequence[ScenarioResult],
        now: datetime,
    ) -> None:
        """Record what each scenario came to on a commit of that attempt."""
        ...

    def ship(self, spec_id: int, repo: ShippedRepo) -> None:
        """Status shipped and the row in `repos`, in one transaction."""
        ...

    def fail(self, spec_id: int, error_log: str) -> None:
        """Status failed, with what the operator reads."""
        ...

    def defer(
        self,
        spec_id: int,
        *,
        cause: WaitCause,
        until: datetime | None,
        reason: str,
        limit_usd: float | None = None,
    ) -> None:
        """Back to queued without using up an attempt. `until` is the earliest next start; `limit_usd` is the
        budget that stopped it, which it waits to be raised.
        """
        ...


class MirrorStore(Protocol):
    """Where mirroring writes down what it has published."""

    def check(self) -> None:
        """Make sure that whoever mirrors holds the spec still, where it is held.

        Raises:
            LeaseLostError: another host has taken it over.
        """
        ...

    def record_mirror(self, name: str, *, url: str, commit: str, now: datetime) -> None:
        """Set github_pushed, github_push_at, and the mirrored URL and commit. Idempotent."""
        ...


class KeptAnswers(Protocol):
    """What catalogues answered, so that nobody asks them the same again for a while."""

    def kept_answers(self, questions: Collection[str], *, since: datetime) -> dict[str, tuple[Found, ...]]:
        """The answers to these very questions that were kept at that time or later, by question."""
        ...

    def keep_answer(self, question: str, found: Sequence[Found], *, now: datetime) -> None:
        """Keep an answer in the place of an earlier one."""
        ...


class IdeaStore(Protocol):
    """Where a date's candidates are kept, and the research around the best."""

    def record_candidates(self, day: date, candidates: Sequence[Candidate], *, now: datetime) -> None:
        """Keep a date's candidates in the place of those that were kept before."""
        ...

    def candidates(self, day: date) -> list[Candidate]:
        """Every candidate of a date, the best one first."""
        ...

    def record_context(self, context: ResearchContext) -> None:
        """Keep what was found around a candidate in the place of what was found before."""
        ...

    def contexts(self, day: date) -> list[ResearchContext]:
        """What was found around the chosen candidates of a date, that of the best one first.

        Those around which was not looked yet are left out, and so is what was found around others.
        """
        ...


class AlertStore(Protocol):
    """Where alerts are remembered."""

    def note(
        self, alert: Alert, *, now: datetime, times: int = 1, unless_since: datetime | None = None
    ) -> None:
        """Count it under its cause, unless it was noted since then already; the latest text and link stand."""
        ...

    def due(self, now: datetime) -> list[KnownAlert]:
        """The alerts to tell now, the oldest first."""
        ...

    def mark_told(self, cause: str, *, now: datetime) -> None:
        """Remember that it was told, and count from 0 again."""
        ...
