"""What could not be looked up around candidates heals by itself: ever more seldom, for two weeks; then that is told."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import dagster as dg
import pytest
from automation_ticks import tick
from defs_factory import DefsFactory, checks
from defs_fakes import paper_on
from fake_ideas import FakeIdeas

from factory_assets.build_defs import build_defs
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.research import NOT_HELD

DAY = date(2026, 6, 17)
FIRST = datetime(2026, 6, 18, 6, 5, tzinfo=UTC)
BUSY = ("repositories: GitHub answered 403",)


@pytest.fixture
def factory(kept: DefsFactory) -> DefsFactory:
    return kept


@pytest.fixture
def ideas(factory: DefsFactory) -> FakeIdeas:
    """A date whose research was cut at 06:05."""
    made = FakeIdeas(factory.registry, gaps=BUSY, now=FIRST)
    vars(factory.parts)["ideas"] = made
    factory.gathering.papers[DAY] = [paper_on(DAY, number) for number in (1, 2, 3)]
    factory.gathering.gather([DAY], print)
    made.discover(DAY, print)
    made.research(DAY, print)
    return made


def looks(factory: DefsFactory, ideas: FakeIdeas, at: datetime) -> bool | str:
    """One tick and the run that it asks for; whether there was one, or what was said in its place."""
    requests = tick(factory, "research_again", at)
    if isinstance(requests, str):
        return requests
    (request,) = requests
    assert request.partition_key == DAY.isoformat()
    ideas.now = at
    with suppress(InfrastructureError):
        ideas.research(DAY, print)
    return True


def test_a_date_is_looked_around_again_ever_more_seldom_and_after_two_weeks_it_is_told_once(
    factory: DefsFactory, ideas: FakeIdeas
) -> None:
    begun = FIRST.replace(minute=40)
    ticks = [*range(60), *range(67, 17 * 24, 12)]
    hours = [number for number in ticks if looks(factory, ideas, begun + timedelta(hours=number)) is True]
    assert hours[:6] == [1, 3, 7, 15, 31, 55]
    assert {later - before for before, later in pairwise(hours[5:])} == {24}
    assert 13 * 24 < hours[-1] <= 14 * 24
    (alert,) = factory.registry.alerts.due(begun + timedelta(days=17))
    assert alert.times == 1
    assert str(DAY) in alert.text
    assert "GitHub answered 403" in alert.text
    # By hand it can be looked up as ever.
    ideas.gaps = ()
    assert checks(factory.run_day("research", DAY)) == {"contexts_whole": True}


def test_what_heals_is_asked_for_no_more(factory: DefsFactory, ideas: FakeIdeas) -> None:
    ideas.gaps = ()
    assert looks(factory, ideas, FIRST + timedelta(hours=2)) is True
    assert looks(factory, ideas, FIRST + timedelta(hours=9)) == "Nothing is missing around any candidate."


def test_a_date_that_waits_is_named_with_its_time(factory: DefsFactory, ideas: FakeIdeas) -> None:
    words = looks(factory, ideas, FIRST + timedelta(minutes=35))
    assert words == "Later: 2026-06-17 from 2026-06-18 07:05 UTC on."
    # Who only looks writes nothing.
    late = FIRST + timedelta(days=14, hours=1)
    told = tick(factory, "research_again", late, number=None)
    assert "Given up: 2026-06-17." in str(told)
    assert factory.registry.alerts.due(late) == []


def test_a_night_without_a_network_heals(factory: DefsFactory, ideas: FakeIdeas) -> None:
    ideas.error = InfrastructureError("Nothing could be looked up.", fix="Check the network.")
    assert looks(factory, ideas, FIRST + timedelta(hours=2)) is True
    ideas.error, ideas.gaps = None, ()
    assert looks(factory, ideas, FIRST + timedelta(hours=3)) is True
    assert factory.registry.ideas.open_dates(since=FIRST) == []


@pytest.mark.parametrize("job", ["research", "ideas", "analyze"])
def test_a_date_that_is_being_looked_around_is_not_launched_twice(
    factory: DefsFactory, ideas: FakeIdeas, job: str
) -> None:
    factory.instance.create_run_for_job(
        factory.defs.resolve_job_def(job),
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": DAY.isoformat()},
    )
    assert isinstance(looks(factory, ideas, FIRST + timedelta(hours=2)), str)


@pytest.mark.parametrize("archive", [True, False])
def test_what_only_the_archive_can_tell_waits_for_the_archive(
    factory: DefsFactory, ideas: FakeIdeas, archive: bool
) -> None:
    ideas.gaps = (f"related papers: {NOT_HELD}, so that none like it was looked for",)
    ideas.research(DAY, print)
    settings = factory.settings.model_copy(update={"factory_archive": archive})
    factory.defs = build_defs(
        settings, {name: factory.defs.resources[name] for name in ("registry", "instance", "clock")}
    )
    asked = tick(factory, "research_again", FIRST + timedelta(hours=2))
    assert isinstance(asked, list) is archive
