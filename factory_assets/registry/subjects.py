"""The registry by subject: each method is one short transaction, and does what its function says.

A method leaves out the word that its subject says already. The protocols that are named here are in domain/ports.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from copy import copy
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from factory_assets.domain.errors import InfrastructureError, RegistryBusyError
from factory_assets.domain.leases import Lease
from factory_assets.registry import (
    acceptances,
    alerts,
    analyses,
    answers,
    batches,
    builds,
    calls,
    citations,
    days,
    evidence,
    gathers,
    holds,
    ideas,
    imports,
    launches,
    leases,
    ledger,
    novelty,
    papers,
    readings,
    reports,
    repos,
    reservations,
    signs,
    story,
)
from factory_assets.registry import requeue as requeueing
from factory_assets.registry import specs as spec_rows
from factory_assets.registry import state as state_rows
from factory_assets.registry import statistics as statistics_rows
from factory_assets.registry.database import Connection, Database
from factory_assets.registry.renewing import renewing

P = ParamSpec("P")
Result = TypeVar("Result")


class Subject:
    """What the registry knows of one subject.

    Every method may raise RegistryBusyError and InfrastructureError. A step done twice leaves the same rows.
    """

    # What a build shows that may have lost its spec.
    _lease: Lease | None = None

    def __init__(self, database: Database) -> None:
        self._database = database


def in_one_transaction(
    act: Callable[Concatenate[Connection, P], Result],
) -> Callable[Concatenate[Subject, P], Result]:
    """A method that does this in a transaction of its own."""

    @wraps(act)
    def done(self: Subject, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        # Whatever it is told, it is told without the factory's secrets.
        clean = self._database.clean((args, kwargs))
        with self._database.transaction() as connection:
            if self._lease is not None:
                leases.check_lease(connection, self._lease)
            return act(connection, *clean[0], **clean[1])

    return done


class Papers(Subject):
    """Papers and their labels. Implements PaperStore."""

    upsert = in_one_transaction(papers.upsert_papers)
    unanalysed = in_one_transaction(papers.unanalysed_papers)
    unread_days = in_one_transaction(papers.unread_days)
    of_day = in_one_transaction(papers.papers_of_day)
    contents_of = in_one_transaction(papers.contents_of_days)
    by_id = in_one_transaction(papers.papers_by_id)


class Gathers(Subject):
    """Which dates are not gathered whole."""

    note = in_one_transaction(gathers.note_gathered)
    incomplete_dates = in_one_transaction(gathers.incomplete_dates)
    missing = in_one_transaction(gathers.missing_of_dates)


class Answers(Subject):
    """The raw answers of models. Implements AnswerStore."""

    keep = in_one_transaction(answers.store_answer)
    to = in_one_transaction(answers.answers_to)


class Analyses(Subject):
    """Which dates were analysed."""

    days = in_one_transaction(analyses.analysed_days)
    of_day = in_one_transaction(analyses.analyses_of)


class Queue(Subject):
    """The specs, from the day on which they are queued; what has shipped stays. Implements SpecQueue."""

    add = in_one_transaction(spec_rows.queue_specs)
    place_waiting = in_one_transaction(spec_rows.place_waiting)
    taken_names = in_one_transaction(spec_rows.taken_names)
    specs = in_one_transaction(spec_rows.queue)
    of_day = in_one_transaction(spec_rows.specs_of_day)
    of_run = in_one_transaction(spec_rows.specs_of_run)
    at = in_one_transaction(spec_rows.spec_at)
    named = in_one_transaction(spec_rows.spec_named)
    by_id = in_one_transaction(spec_rows.spec_by_id)
    launchable = in_one_transaction(spec_rows.launchable_specs)
    unranked = in_one_transaction(spec_rows.unranked_specs)
    estimated_lines = in_one_transaction(spec_rows.estimated_lines)
    requeue = in_one_transaction(requeueing.requeue)
    failed_since = in_one_transaction(requeueing.failed_since)


class Imports(Subject):
    """Specs from outside. Implements ImportStore."""

    queue = in_one_transaction(imports.import_specs)


class Launches(Subject):
    """The runs that were asked for."""

    asked_for = in_one_transaction(launches.launches_asked_for)
    claim = in_one_transaction(launches.claim_launches)
    free = in_one_transaction(launches.free_launches)
    release = in_one_transaction(launches.release_launch)


class Holds(Subject):
    """What stops the whole queue."""

    record = in_one_transaction(holds.record_hold)
    standing = in_one_transaction(holds.holds)
    release = in_one_transaction(holds.release_hold)
    release_to_try = in_one_transaction(holds.try_hold)
    tries = in_one_transaction(holds.tries_so_far)


class Novelties(Subject):
    """Whether there is the like of a spec already. Implements KeptAnswers."""

    record = in_one_transaction(novelty.record_novelty)
    of = in_one_transaction(novelty.novelty_of)
    own_repos = in_one_transaction(novelty.own_repos)
    kept_answers = in_one_transaction(novelty.kept_answers)
    keep_answer = in_one_transaction(novelty.keep_answer)
    forget_answers = in_one_transaction(novelty.forget_answers)


class Ideas(Subject):
    """A date's candidates, and the research around the best. Implements IdeaStore."""

    record_candidates = in_one_transaction(ideas.record_candidates)
    candidates = in_one_transaction(ideas.candidates)
    record_context = in_one_transaction(ideas.record_context)
    contexts = in_one_transaction(ideas.contexts)
    days = in_one_transaction(ideas.idea_days)
    open_dates = in_one_transaction(ideas.open_dates)


class Evidence(Subject):
    """What researched specs rest on."""

    of = in_one_transaction(evidence.evidence_of)
    routes = in_one_transaction(evidence.routes_of)
    fused = in_one_transaction(evidence.fused_papers)
    papers_of = in_one_transaction(evidence.papers_of_spec)


class Citations(Subject):
    """Which paper cites which. Implements CitationStore."""

    keep = in_one_transaction(citations.keep_citations)
    related = in_one_transaction(citations.related_papers)
    counts = in_one_transaction(citations.citation_counts)
    degrees = in_one_transaction(citations.citation_degrees)
    total = in_one_transaction(citations.total_citations)
    forget = in_one_transaction(citations.forget_citations)


class Builds(Subject):
    """The attempts at each spec. Implements BuildJournal."""

    start = in_one_transaction(builds.start_build)
    enter_phase = in_one_transaction(builds.enter_phase)
    finish_phase = in_one_transaction(builds.finish_phase)
    phases_of = in_one_transaction(builds.phases_of)
    record_verdict = in_one_transaction(builds.record_verdict)
    verdicts_of = in_one_transaction(builds.verdicts_of)
    record_reading = in_one_transaction(readings.record_reading)
    reading_of = in_one_transaction(readings.reading_of)
    record_acceptance = in_one_transaction(acceptances.record_acceptance)
    acceptance_of = in_one_transaction(acceptances.acceptance_of)
    record_results = in_one_transaction(acceptances.record_results)
    ship = in_one_transaction(builds.ship)
    fail = in_one_transaction(builds.fail_build)
    defer = in_one_transaction(builds.defer_build)
    release = in_one_transaction(builds.release_build)

    _take_lease = in_one_transaction(leases.take_lease)
    _renew_lease = in_one_transaction(leases.renew_lease)
    _raise_fence = in_one_transaction(leases.raise_fence)
    _end_lease = in_one_transaction(leases.end_lease)

    @contextmanager
    def held(self, spec_id: int, *, place: str, run_id: str) -> Iterator[Builds]:
        """See BuildJournal."""
        lease = self._take_lease(spec_id, place=place, run_id=run_id)
        fenced = copy(self)
        fenced._lease = lease  # noqa: SLF001 - of its own kind
        try:
            # A file has one machine, and there the spec's lock tells whether its holder lives.
            with renewing(fenced.check) if self._database.is_shared else nullcontext():
                yield fenced
        finally:
            # Where the registry cannot be reached the lease runs out by itself.
            with suppress(RegistryBusyError, InfrastructureError):
                self._end_lease(fenced.lease)

    @property
    def lease(self) -> Lease:
        """Of whoever holds a spec by `held`."""
        if self._lease is None:
            raise TypeError("Nothing is held.")
        return self._lease

    def check(self) -> None:
        """See BuildJournal."""
        self._renew_lease(self.lease)

    def fence_above(self, number: int) -> int:
        """See BuildJournal."""
        self._lease = self._raise_fence(self.lease, number)
        return self._lease.fence


class Runs(Subject):
    """Which runs' processes live."""

    note_seen = in_one_transaction(signs.note_seen)
    note_waiting = in_one_transaction(signs.note_waiting)
    silent = in_one_transaction(signs.silent_runs)
    all_silent = in_one_transaction(signs.all_silent)
    give_up = in_one_transaction(signs.give_up)
    pids_at = in_one_transaction(signs.pids_at)

    _give_sign = in_one_transaction(signs.give_sign)
    _renew_sign = in_one_transaction(signs.renew_sign)
    _end_sign = in_one_transaction(signs.end_sign)

    @contextmanager
    def executed(self, run_id: str, *, host: str, pid: int) -> Iterator[None]:
        """Give signs of life while the block executes the run, where other hosts look for them.

        Raises:
            RunGivenUpError: at the end, where the run was taken for dead meanwhile.
        """
        if not self._database.is_shared:
            yield
            return
        self._give_sign(run_id, host=host, pid=pid)
        try:
            with renewing(lambda: self._renew_sign(run_id)):
                yield
            with suppress(RegistryBusyError, InfrastructureError):
                self._renew_sign(run_id)
        finally:
            # Where the registry cannot be reached nobody asks for the sign of a run that has ended.
            with suppress(RegistryBusyError, InfrastructureError):
                self._end_sign(run_id)


class Repos(Subject):
    """What has shipped, and where it is mirrored. Implements MirrorStore."""

    named = in_one_transaction(repos.shipped_repo)
    unmirrored = in_one_transaction(repos.unmirrored_repos)
    record_mirror = in_one_transaction(repos.record_mirror)
    check = in_one_transaction(repos.look)
    mirror_of = in_one_transaction(repos.mirror_of)

    def held_by(self, holder: Builds) -> Repos:
        """The same for whoever holds a spec, and writes for as long as it does."""
        fenced = copy(self)
        fenced._lease = holder.lease  # noqa: SLF001 - of its own kind
        return fenced


class Ledger(Subject):
    """The model calls, and the dollars that are set aside. Implements BuildLedger."""

    record = in_one_transaction(calls.record_call)
    reserve = in_one_transaction(ledger.reserve)
    meter = in_one_transaction(reservations.meter)
    settle = in_one_transaction(ledger.settle)
    refused_another = in_one_transaction(calls.refused_another)
    spending = in_one_transaction(calls.spending)
    usage = in_one_transaction(calls.usage_of)
    spent_since = in_one_transaction(calls.spent_since)
    repo_dollars = in_one_transaction(calls.repo_dollars)


class Reports(Subject):
    """Sums and lists over dates."""

    sizes = in_one_transaction(reports.sizes)
    state = in_one_transaction(state_rows.registry_state)
    funnel = in_one_transaction(reports.funnel)
    failures = in_one_transaction(reports.failures)
    statistics = in_one_transaction(statistics_rows.statistics)


class Stories(Subject):
    """What an operator is shown of one repo, or of one date."""

    of_repo = in_one_transaction(story.story_of)
    further_of = in_one_transaction(story.further_of)
    of_day = in_one_transaction(days.day_story)
    day_digests = in_one_transaction(days.day_digests)
    last_judged = in_one_transaction(days.last_judged)


class Alerts(Subject):
    """What the operator is to be told. Implements AlertStore."""

    note = in_one_transaction(alerts.note_alert)
    due = in_one_transaction(alerts.due_alerts)
    mark_told = in_one_transaction(alerts.mark_told)


class Batches(Subject):
    """The message batches of analyses."""

    begin = in_one_transaction(batches.begin_batch)
    open = in_one_transaction(batches.open_batches)
    open_of = in_one_transaction(batches.open_batch)
    unsettled = in_one_transaction(batches.unsettled_batches)
    mark_made_by = in_one_transaction(batches.batch_made_by)
    mark_made = in_one_transaction(batches.batch_made)
    mark_cancelled = in_one_transaction(batches.batch_cancelled)
    mark_ready = in_one_transaction(batches.batch_ready)
    close = in_one_transaction(batches.close_batch)
    book = in_one_transaction(batches.book_batch)
