"""The registry as the rest of the factory uses it: every method is one short transaction."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from factory_assets.registry import (
    acceptances,
    alerts,
    answers,
    batches,
    builds,
    calls,
    days,
    gathers,
    imports,
    launches,
    ledger,
    novelty,
    readings,
    reports,
    repos,
    reservations,
    story,
)
from factory_assets.registry import holds as hold_rows
from factory_assets.registry import papers as paper_rows
from factory_assets.registry import requeue as requeueing
from factory_assets.registry import specs as spec_rows
from factory_assets.registry import statistics as statistics_rows
from factory_assets.registry.database import READING, WRITING, Connection, Database
from factory_assets.registry.lock import USUAL, Patience

P = ParamSpec("P")
Result = TypeVar("Result")


def in_one_transaction(
    act: Callable[Concatenate[Connection, P], Result],
) -> Callable[Concatenate[Registry, P], Result]:
    """A method of the registry that does this in a transaction of its own."""

    @wraps(act)
    def done(self: Registry, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        with self._database.transaction() as connection:
            return act(connection, *args, **kwargs)

    return done


class Registry:
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

    upsert_papers = in_one_transaction(paper_rows.upsert_papers)
    unanalysed_papers = in_one_transaction(paper_rows.unanalysed_papers)
    unread_days = in_one_transaction(paper_rows.unread_days)
    papers_of_day = in_one_transaction(paper_rows.papers_of_day)
    contents_of_days = in_one_transaction(paper_rows.contents_of_days)
    papers_by_id = in_one_transaction(paper_rows.papers_by_id)
    note_gathered = in_one_transaction(gathers.note_gathered)
    incomplete_dates = in_one_transaction(gathers.incomplete_dates)
    missing_of_dates = in_one_transaction(gathers.missing_of_dates)

    # Analysis

    store_answer = in_one_transaction(answers.store_answer)
    answers_to = in_one_transaction(answers.answers_to)
    taken_names = in_one_transaction(spec_rows.taken_names)
    queue_specs = in_one_transaction(spec_rows.queue_specs)
    analysed_days = in_one_transaction(answers.analysed_days)
    analyses_of = in_one_transaction(answers.analyses_of)

    # Imports

    import_specs = in_one_transaction(imports.import_specs)
    place_waiting = in_one_transaction(spec_rows.place_waiting)

    # The queue

    specs_of_day = in_one_transaction(spec_rows.specs_of_day)
    specs_of_run = in_one_transaction(spec_rows.specs_of_run)
    spec_at = in_one_transaction(spec_rows.spec_at)
    spec_named = in_one_transaction(spec_rows.spec_named)
    spec_by_id = in_one_transaction(spec_rows.spec_by_id)
    queue = in_one_transaction(spec_rows.queue)
    launchable_specs = in_one_transaction(spec_rows.launchable_specs)
    launches_asked_for = in_one_transaction(launches.launches_asked_for)
    claim_launches = in_one_transaction(launches.claim_launches)
    free_launches = in_one_transaction(launches.free_launches)
    release_launch = in_one_transaction(launches.release_launch)
    unranked_specs = in_one_transaction(spec_rows.unranked_specs)
    requeue = in_one_transaction(requeueing.requeue)
    failed_since = in_one_transaction(requeueing.failed_since)

    # What stops the whole queue

    hold = in_one_transaction(hold_rows.record_hold)
    holds = in_one_transaction(hold_rows.holds)
    release_hold = in_one_transaction(hold_rows.release_hold)
    try_hold = in_one_transaction(hold_rows.try_hold)
    hold_tries = in_one_transaction(hold_rows.tries_so_far)

    # Whether there is the like of a spec already

    record_novelty = in_one_transaction(novelty.record_novelty)
    novelty_of = in_one_transaction(novelty.novelty_of)
    own_repos = in_one_transaction(novelty.own_repos)
    kept_answers = in_one_transaction(novelty.kept_answers)
    keep_answer = in_one_transaction(novelty.keep_answer)
    forget_answers = in_one_transaction(novelty.forget_answers)

    # Builds

    start_build = in_one_transaction(builds.start_build)
    enter_phase = in_one_transaction(builds.enter_phase)
    finish_phase = in_one_transaction(builds.finish_phase)
    record_verdict = in_one_transaction(builds.record_verdict)
    ship = in_one_transaction(builds.ship)
    fail_build = in_one_transaction(builds.fail_build)
    defer_build = in_one_transaction(builds.defer_build)
    release_build = in_one_transaction(builds.release_build)
    phases_of = in_one_transaction(builds.phases_of)
    record_reading = in_one_transaction(readings.record_reading)
    reading_of = in_one_transaction(readings.reading_of)
    record_acceptance = in_one_transaction(acceptances.record_acceptance)
    acceptance_of = in_one_transaction(acceptances.acceptance_of)
    record_results = in_one_transaction(acceptances.record_results)
    verdicts_of = in_one_transaction(builds.verdicts_of)

    # Repos and mirrors

    shipped_repo = in_one_transaction(repos.shipped_repo)
    record_mirror = in_one_transaction(repos.record_mirror)
    mirror_of = in_one_transaction(repos.mirror_of)
    unmirrored_repos = in_one_transaction(repos.unmirrored_repos)

    # The ledger and reports

    record_call = in_one_transaction(calls.record_call)
    reserve = in_one_transaction(ledger.reserve)
    meter = in_one_transaction(reservations.meter)
    settle = in_one_transaction(ledger.settle)
    refused_another = in_one_transaction(calls.refused_another)
    spending = in_one_transaction(calls.spending)
    usage_of = in_one_transaction(calls.usage_of)
    spent_since = in_one_transaction(calls.spent_since)
    funnel = in_one_transaction(reports.funnel)
    failures = in_one_transaction(reports.failures)
    statistics = in_one_transaction(statistics_rows.statistics)

    # What an operator is shown of a repo or a date

    story_of = in_one_transaction(story.story_of)
    day_story = in_one_transaction(days.day_story)
    day_digests = in_one_transaction(days.day_digests)
    last_judged = in_one_transaction(days.last_judged)
    further_of = in_one_transaction(story.further_of)
    estimated_lines = in_one_transaction(story.estimated_lines)
    repo_dollars = in_one_transaction(story.repo_dollars)

    # Alerts

    note_alert = in_one_transaction(alerts.note_alert)
    due_alerts = in_one_transaction(alerts.due_alerts)
    mark_told = in_one_transaction(alerts.mark_told)

    # Message batches

    begin_batch = in_one_transaction(batches.begin_batch)
    open_batches = in_one_transaction(batches.open_batches)
    open_batch = in_one_transaction(batches.open_batch)
    unsettled_batches = in_one_transaction(batches.unsettled_batches)
    batch_made_by = in_one_transaction(batches.batch_made_by)
    batch_made = in_one_transaction(batches.batch_made)
    batch_cancelled = in_one_transaction(batches.batch_cancelled)
    batch_ready = in_one_transaction(batches.batch_ready)
    close_batch = in_one_transaction(batches.close_batch)
    book_batch = in_one_transaction(batches.book_batch)
