"""The registry as the rest of the factory uses it: every method is one short transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

from factory_assets.domain.acceptance import Acceptance, ScenarioResult
from factory_assets.domain.alerts import Alert, KnownAlert
from factory_assets.domain.builds import (
    BudgetLimits,
    BuildStatus,
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
from factory_assets.domain.papers import LabelledPaper, Paper, UpsertCounts
from factory_assets.domain.readings import Reading
from factory_assets.domain.specs import QueuedSpec, Spec
from factory_assets.domain.statistics import Statistics
from factory_assets.registry import (
    acceptances,
    alerts,
    answers,
    builds,
    calls,
    imports,
    launches,
    ledger,
    readings,
    reports,
    repos,
    reservations,
    statistics,
)
from factory_assets.registry import papers as paper_rows
from factory_assets.registry import specs as spec_rows
from factory_assets.registry.batches import BatchRecords
from factory_assets.registry.database import READING, WRITING, Database
from factory_assets.registry.desk import Desk
from factory_assets.registry.lock import USUAL, Patience
from factory_assets.registry.models import (
    AnalysisRecord,
    FailedBuild,
    FunnelDay,
    MirrorRecord,
    UnmirroredRepo,
)

_EVERY_STATUS = frozenset(BuildStatus)


class Registry(Desk, BatchRecords):
    """Implements every protocol of domain.ports; the file and its tables are made at the first use.

    Every method may raise RegistryBusyError and InfrastructureError. A step done twice leaves the same rows.
    """

    def __init__(self, path: Path, patience: Patience = USUAL, begin: str = WRITING) -> None:
        self._path = path
        self._database = Database(path, patience, begin)

    def reading(self) -> Registry:
        """The same registry for whoever only looks: a write through it is an InfrastructureError."""
        return Registry(self._path, self._database.patience, READING)

    def writing(self) -> Registry:
        """The same registry for whoever may write, as every one is that does not come from `reading`."""
        return Registry(self._path, self._database.patience)

    def wait_with(self, patience: Patience) -> None:
        """Wait so long for the file from now on, when another program holds it."""
        self._database.patience = patience

    # Papers

    def upsert_papers(self, papers: Sequence[LabelledPaper], *, now: datetime) -> UpsertCounts:
        """See PaperStore."""
        with self._database.transaction() as connection:
            return paper_rows.upsert_papers(connection, papers, now=now)

    def unanalysed_papers(self, day: date) -> list[Paper]:
        """See AnalysisStore."""
        with self._database.transaction() as connection:
            return paper_rows.unanalysed_papers(connection, day)

    def unread_days(self) -> set[date]:
        """The dates that hold papers which no analysis has read."""
        with self._database.transaction() as connection:
            return paper_rows.unread_days(connection)

    def papers_of_day(self, day: date) -> list[LabelledPaper]:
        """The day's papers with their topics, oldest first, by id where equal."""
        with self._database.transaction() as connection:
            return paper_rows.papers_of_day(connection, day)

    def papers_by_id(self, ids: Collection[str]) -> list[Paper]:
        """The stored papers of these ids, in the order asked for; unknown ids are left out."""
        with self._database.transaction() as connection:
            return paper_rows.papers_by_id(connection, ids)

    def day_fingerprint(self, day: date) -> str:
        """A digest of the day's papers, their versions, texts and labels: equal while none changes."""
        with self._database.transaction() as connection:
            return paper_rows.day_fingerprint(connection, day)

    # Analysis

    def store_answer(
        self, *, day: date, purpose: str, model: str, prompt_hash: str, text: str, now: datetime
    ) -> int:
        """See AnswerStore."""
        with self._database.transaction() as connection:
            return answers.store_answer(
                connection,
                day=day,
                purpose=purpose,
                model=model,
                prompt_hash=prompt_hash,
                text=text,
                now=now,
            )

    def answers_to(self, day: date, prompt_hash: str) -> list[str]:
        """See AnswerStore."""
        with self._database.transaction() as connection:
            return answers.answers_to(connection, day, prompt_hash)

    def taken_names(self) -> frozenset[str]:
        """See AnalysisStore."""
        with self._database.transaction() as connection:
            return spec_rows.taken_names(connection)

    def queue_specs(
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
        """See AnalysisStore. Returns the specs that are new in the queue, and records the analysis.

        Raises:
            StatusError: when another analysis has read some of these papers meanwhile; nothing is written.
        """
        with self._database.transaction() as connection:
            return spec_rows.queue_specs(
                connection,
                day,
                specs,
                analysed,
                dropped=dropped,
                ranks=ranks,
                late_ranks=late_ranks,
                now=now,
            )

    def analysed_days(self) -> set[date]:
        """Every date that was analysed, dates without papers too."""
        with self._database.transaction() as connection:
            return answers.analysed_days(connection)

    def analyses_of(self, day: date) -> list[AnalysisRecord]:
        """The analyses of a date, oldest first."""
        with self._database.transaction() as connection:
            return answers.analyses_of(connection, day)

    # Imports

    def import_specs(
        self, day: date, specs: Sequence[ImportedSpec], *, late_ranks: range, now: datetime
    ) -> ImportCounts:
        """See ImportStore.

        Raises:
            StatusError: naming the names that other specs have; nothing is written.
        """
        with self._database.transaction() as connection:
            return imports.import_specs(connection, day, specs, late_ranks=late_ranks, now=now)

    def place_waiting(self, day: date, late_ranks: range) -> None:
        """Give specs that wait for a rank the free late ranks of this date."""
        with self._database.transaction() as connection:
            spec_rows.place_waiting(connection, day, late_ranks)

    # The queue

    def specs_of_day(self, day: date) -> list[QueuedSpec]:
        """The specs of a partition date, by rank."""
        with self._database.transaction() as connection:
            return spec_rows.specs_of_day(connection, day)

    def specs_of_run(self, run_id: str) -> list[QueuedSpec]:
        """The specs that this run claimed last, by date and rank."""
        with self._database.transaction() as connection:
            return spec_rows.specs_of_run(connection, run_id)

    def spec_at(self, day: date, rank: int) -> QueuedSpec | None:
        """The spec of one partition, or None where the rank is empty."""
        with self._database.transaction() as connection:
            return spec_rows.spec_at(connection, day, rank)

    def spec_named(self, name: str) -> QueuedSpec | None:
        """The spec of that name."""
        with self._database.transaction() as connection:
            return spec_rows.spec_named(connection, name)

    def spec_by_id(self, spec_id: int) -> QueuedSpec:
        """The spec of that id.

        Raises:
            StatusError: when there is none.
        """
        with self._database.transaction() as connection:
            return spec_rows.spec_by_id(connection, spec_id)

    def queue(self, statuses: Collection[BuildStatus] = _EVERY_STATUS) -> list[QueuedSpec]:
        """The specs of these statuses by date and rank, those without a rank last."""
        with self._database.transaction() as connection:
            return spec_rows.queue(connection, statuses)

    def launchable_specs(self, now: datetime, limits: BudgetLimits) -> list[QueuedSpec]:
        """The specs that may start now, oldest date first: queued and waiting for nothing, or left by a run
        that died. What a budget stopped goes on when that budget is higher than it was.
        """
        with self._database.transaction() as connection:
            return spec_rows.launchable_specs(connection, now, limits)

    def launches_asked_for(self) -> dict[str, datetime]:
        """When a run was last asked for, by repo."""
        with self._database.transaction() as connection:
            return launches.launches_asked_for(connection)

    def claim_launches(
        self, wanted: Mapping[str, str], *, settled: Mapping[str, datetime], now: datetime
    ) -> set[str]:
        """Take the launches of these repos (each with its run key), and give those that nobody else has taken.

        `settled` holds the launches that count no more, as they were seen.
        """
        with self._database.transaction() as connection:
            return launches.claim_launches(connection, wanted, settled=settled, now=now)

    def free_launches(self, wanted: Mapping[str, str], *, settled: Mapping[str, datetime]) -> set[str]:
        """Those of these launches that `claim_launches` would give now; nothing is taken."""
        with self._database.transaction() as connection:
            return launches.free_launches(connection, wanted, settled=settled)

    def release_launch(self, name: str, *, run_key: str) -> None:
        """Give back a launch that was taken under this run key, and came to nothing."""
        with self._database.transaction() as connection:
            launches.release_launch(connection, name, run_key=run_key)

    def unranked_specs(self) -> list[QueuedSpec]:
        """The specs that wait for a free rank, in the order in which they will get one."""
        with self._database.transaction() as connection:
            return spec_rows.unranked_specs(connection)

    # Builds

    def start_build(self, spec_id: int, *, run_id: str, now: datetime) -> QueuedSpec:
        """See BuildJournal."""
        with self._database.transaction() as connection:
            return builds.start_build(connection, spec_id, run_id=run_id, now=now)

    def enter_phase(self, spec_id: int, phase: Phase) -> None:
        """See BuildJournal."""
        with self._database.transaction() as connection:
            builds.enter_phase(connection, spec_id, phase)

    def finish_phase(self, spec_id: int, attempt: int, record: PhaseRecord) -> None:
        """See BuildJournal."""
        with self._database.transaction() as connection:
            builds.finish_phase(connection, spec_id, attempt, record)

    def record_verdict(self, spec_id: int, attempt: int, verdict: GateVerdict, *, now: datetime) -> None:
        """See BuildJournal."""
        with self._database.transaction() as connection:
            builds.record_verdict(connection, spec_id, attempt, verdict, now=now)

    def ship(self, spec_id: int, repo: ShippedRepo) -> None:
        """See BuildJournal. The same commit again changes nothing.

        Raises:
            StatusError: when the spec is not being reviewed, has another name, or shipped another commit.
        """
        with self._database.transaction() as connection:
            builds.ship(connection, spec_id, repo)

    def fail_build(self, spec_id: int, error_log: str) -> None:
        """See BuildJournal."""
        with self._database.transaction() as connection:
            builds.fail_build(connection, spec_id, error_log)

    def defer_build(
        self,
        spec_id: int,
        *,
        cause: WaitCause,
        until: datetime | None,
        reason: str,
        limit_usd: float | None = None,
    ) -> None:
        """See BuildJournal. The reason stands in error_log until the next start."""
        with self._database.transaction() as connection:
            builds.defer_build(
                connection, spec_id, cause=cause, until=until, reason=reason, limit_usd=limit_usd
            )

    def release_build(self, spec_id: int, *, run_id: str) -> None:
        """Give a spec back that this run was building when it was asked to end; of another run's it keeps off."""
        with self._database.transaction() as connection:
            builds.release_build(connection, spec_id, run_id=run_id)

    def phases_of(self, spec_id: int, attempt: int) -> list[PhaseRecord]:
        """The phases of an attempt that are done, in order."""
        with self._database.transaction() as connection:
            return builds.phases_of(connection, spec_id, attempt)

    def record_reading(
        self, spec_id: int, attempt: int, *, commit: str, asked_as: str, reading: Reading, now: datetime
    ) -> None:
        """See BuildJournal."""
        with self._database.transaction() as connection:
            readings.record_reading(
                connection, spec_id, attempt, commit=commit, asked_as=asked_as, reading=reading, now=now
            )

    def reading_of(self, spec_id: int, *, commit: str, asked_as: str) -> Reading | None:
        """See BuildJournal."""
        with self._database.transaction() as connection:
            return readings.reading_of(connection, spec_id, commit=commit, asked_as=asked_as)

    def record_acceptance(self, spec_id: int, acceptance: Acceptance, *, now: datetime) -> None:
        """See BuildJournal."""
        with self._database.transaction() as connection:
            acceptances.record_acceptance(connection, spec_id, acceptance, now=now)

    def acceptance_of(self, spec_id: int) -> Acceptance | None:
        """See BuildJournal."""
        with self._database.transaction() as connection:
            return acceptances.acceptance_of(connection, spec_id)

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
        """See BuildJournal."""
        with self._database.transaction() as connection:
            acceptances.record_results(
                connection, spec_id, attempt, commit=commit, phase=phase, results=results, now=now
            )

    def verdicts_of(self, spec_id: int, attempt: int) -> list[GateVerdict]:
        """The gates' decisions on an attempt, by phase and then by time."""
        with self._database.transaction() as connection:
            return builds.verdicts_of(connection, spec_id, attempt)

    # Repos and mirrors

    def shipped_repo(self, name: str) -> ShippedRepo | None:
        """See RepoStore."""
        with self._database.transaction() as connection:
            return repos.shipped_repo(connection, name)

    def record_mirror(self, name: str, *, url: str, commit: str, now: datetime) -> None:
        """See RepoStore. The same place and commit again keeps the time of the first.

        Raises:
            StatusError: when no repo of that name has shipped.
        """
        with self._database.transaction() as connection:
            repos.record_mirror(connection, name, url=url, commit=commit, now=now)

    def mirror_of(self, name: str) -> MirrorRecord | None:
        """Where that repo is mirrored, or None."""
        with self._database.transaction() as connection:
            return repos.mirror_of(connection, name)

    def unmirrored_repos(self, *, to_github: bool) -> list[UnmirroredRepo]:
        """Shipped repos whose commit is not mirrored yet, by date and rank.

        A repo in a local folder counts as not mirrored where it is to go to GitHub.
        """
        with self._database.transaction() as connection:
            return repos.unmirrored_repos(connection, to_github=to_github)

    # The ledger and reports

    def record_call(self, call: ModelCall) -> None:
        """See CallLedger. A call that is equal in everything, its moment too, is the same line."""
        with self._database.transaction() as connection:
            calls.record_call(connection, call)

    def reserve(self, reservation: Reservation, *, day_budget_usd: float) -> None:
        """See BuildLedger.

        Raises:
            BudgetError: when the day's budget has no room for it.
        """
        with self._database.transaction() as connection:
            ledger.reserve(connection, reservation, day_budget_usd=day_budget_usd)

    def meter(self, reservation_id: str, usage: Usage) -> None:
        """See BuildLedger."""
        with self._database.transaction() as connection:
            reservations.meter(connection, reservation_id, usage)

    def settle(self, reservation_id: str, call: ModelCall) -> None:
        """See BuildLedger. Settling twice is settling once."""
        with self._database.transaction() as connection:
            ledger.settle(connection, reservation_id, call)

    def refused_another(self, repo: str, phase: Phase) -> bool:
        """See BuildLedger."""
        with self._database.transaction() as connection:
            return calls.refused_another(connection, repo, phase)

    def spending(self, spec_id: int, attempt: int) -> Spending:
        """See BuildLedger."""
        with self._database.transaction() as connection:
            return calls.spending(connection, spec_id, attempt)

    def usage_of(
        self, *, repo: str | None = None, day: date | None = None, stage: str | None = None
    ) -> Usage:
        """The sum over the calls of a repo, of a date's partitions and of a stage; None takes all."""
        with self._database.transaction() as connection:
            return calls.usage_of(connection, repo=repo, day=day, stage=stage)

    def spent_since(self, moment: datetime) -> float:
        """Dollars of all model calls from that moment on, and of what is reserved: the reservation, or what it
        has spent if that is more.
        """
        with self._database.transaction() as connection:
            return calls.spent_since(connection, moment)

    def funnel(self, first_day: date, last_day: date) -> list[FunnelDay]:
        """One line for each date from the first to the last, both included, empty ones too."""
        with self._database.transaction() as connection:
            return reports.funnel(connection, first_day, last_day)

    def failures(self, first_day: date, last_day: date) -> list[FailedBuild]:
        """The failed builds of these dates, by date and rank."""
        with self._database.transaction() as connection:
            return reports.failures(connection, first_day, last_day)

    def statistics(self, first: date, last: date) -> Statistics:
        """What happened from `first` to `last`, both included (UTC)."""
        with self._database.transaction() as connection:
            return statistics.statistics(connection, first, last)

    # Alerts

    def note_alert(
        self, alert: Alert, *, now: datetime, times: int = 1, unless_since: datetime | None = None
    ) -> None:
        """See AlertStore."""
        with self._database.transaction() as connection:
            alerts.note_alert(connection, alert, now=now, times=times, unless_since=unless_since)

    def due_alerts(self, now: datetime) -> list[KnownAlert]:
        """See AlertStore."""
        with self._database.transaction() as connection:
            return alerts.due_alerts(connection, now)

    def mark_told(self, cause: str, *, now: datetime) -> None:
        """See AlertStore."""
        with self._database.transaction() as connection:
            alerts.mark_told(connection, cause, now=now)
