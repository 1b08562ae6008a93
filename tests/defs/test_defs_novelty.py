"""What exists already, as an operator sees it: on the day's specs, in the queue, and before a build."""

from __future__ import annotations

from datetime import date
from io import StringIO
from pathlib import Path

import dagster as dg
import pytest
from defs_factory import DefsFactory, metadata
from defs_fakes import paper_on, spec_on
from registry_samples import LIMITS
from rich.console import Console

from factory_assets.cli import queue_actions
from factory_assets.cli.story import show_story
from factory_assets.cli.tables import show_queue
from factory_assets.defs.partitions import date_rank_key
from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.domain.specs import QueuedSpec

WEDNESDAY = date(2026, 6, 17)
BY_AUTOMATION = {"factory/attempts-before": "0"}
OF_A_BACKFILL = {"dagster/backfill": "abc"}


def analysed(factory: DefsFactory, **existing: float) -> dg.ExecuteInProcessResult:
    """cache-probe at rank 1 and tree-probe at rank 2, of which there is the like on GitHub as said."""
    factory.scouting.existing = {name.replace("_", "-"): figure for name, figure in existing.items()}
    factory.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    factory.analysis.specs[WEDNESDAY] = [spec_on(WEDNESDAY, "cache-probe"), spec_on(WEDNESDAY, "tree-probe")]
    assert factory.run_day("gather", WEDNESDAY).success
    return factory.run_day("analyze", WEDNESDAY)


def spec_named(factory: DefsFactory, name: str) -> QueuedSpec:
    queued = factory.registry.queue.named(name)
    assert queued is not None
    return queued


def link(name: str, figure: str) -> str:
    return f"[`someone/{name}`](https://github.com/someone/{name}) (on GitHub, {figure} alike)"


def printed() -> tuple[Console, StringIO]:
    text = StringIO()
    return Console(file=text, width=400), text


def test_the_specs_of_a_day_show_verdict_score_and_evidence(factory: DefsFactory) -> None:
    shown = metadata(analysed(factory, cache_probe=1.0, tree_probe=0.8), "specs")
    held = "skip (waits: `factory retry cache-probe`)"
    assert str(shown["exists already?"]).splitlines()[2:] == [
        f"| 01 | cache-probe | {held} | 0.40 | {link('cache-probe', '1.00')} |",
        f"| 02 | tree-probe | caution | 0.52 | {link('tree-probe', '0.80')} |",
    ]
    assert shown["novelty"] == "caution: 1, skip: 1"


def test_what_was_not_looked_up_is_said_and_is_no_pass(factory: DefsFactory) -> None:
    factory.scouting.missing = "GitHub cannot be reached."
    shown = metadata(analysed(factory), "specs")
    assert (
        "| not looked up | at most 1.00 | nothing found; GitHub was not looked up: `GitHub cannot be reached.` |"
        in (str(shown["exists already?"]))
    )
    assert shown["novelty"] == "not looked up: 2"


def test_a_look_up_that_breaks_costs_no_analysis_and_shows_as_not_looked_up(factory: DefsFactory) -> None:
    factory.scouting.is_broken = True
    result = analysed(factory)
    assert result.success
    assert metadata(result, "specs")["novelty"] == "not looked up: 2"
    assert spec_named(factory, "cache-probe").wait_cause is None


def test_what_exists_already_waits_and_a_person_lets_it_go_on(factory: DefsFactory) -> None:
    analysed(factory, cache_probe=1.0)
    held = spec_named(factory, "cache-probe")
    assert (held.status, held.wait_cause) == (BuildStatus.QUEUED, WaitCause.EXISTS)
    console, text = printed()
    show_queue(console, factory.registry)
    assert "exists already, until `factory retry cache-probe`" in text.getvalue()
    story = factory.registry.stories.of_repo("cache-probe")
    assert story is not None
    show_story(story, console, git_dir=Path("/git"))
    assert "exists already? skip, 0.40; most alike: someone/cache-probe" in text.getvalue()
    assert "GitHub 1.00  someone/cache-probe https://github.com/someone/cache-probe" in text.getvalue()
    queue_actions.retry(factory.registry, "cache-probe", console, undo=lambda *_: None)
    assert "it waits no longer (exists already)" in text.getvalue()
    launched = factory.registry.queue.launchable(held.queued_at, LIMITS)
    assert [queued.spec.name for queued in launched] == ["cache-probe", "tree-probe"]
    result = factory.run("build", date_rank_key(WEDNESDAY, 1), BY_AUTOMATION)
    assert factory.tags(result)["factory/outcome"] == "shipped"


@pytest.mark.parametrize("tags", [BY_AUTOMATION, OF_A_BACKFILL])
def test_what_turns_out_to_exist_before_its_build_is_not_built_and_costs_nothing(
    factory: DefsFactory, tags: dict[str, str]
) -> None:
    analysed(factory)
    factory.scouting.existing = {"cache-probe": 1.0}
    result = factory.run("build", date_rank_key(WEDNESDAY, 1), tags)
    assert result.success
    assert factory.tags(result)["factory/outcome"] == "not started"
    assert factory.building.built == []
    assert spec_named(factory, "cache-probe").wait_cause is WaitCause.EXISTS
    (seen,) = result.get_asset_observation_events()
    why = str(seen.asset_observation_data.asset_observation.metadata["why"].value)
    assert why.startswith("exists already: skip, 0.40; most alike: someone/cache-probe")
    assert "`factory retry cache-probe`" in why


def test_what_a_person_asks_for_by_itself_is_built_whatever_exists(factory: DefsFactory) -> None:
    analysed(factory, cache_probe=1.0)
    result = factory.run_rank("build", WEDNESDAY, 1)
    assert factory.tags(result)["factory/outcome"] == "shipped"


def test_a_build_that_has_begun_is_not_looked_up_again(factory: DefsFactory) -> None:
    analysed(factory)
    factory.building.deferred = frozenset({"cache-probe"})
    factory.run("build", date_rank_key(WEDNESDAY, 1), BY_AUTOMATION)
    asked = list(factory.scouting.looked_up)
    factory.scouting.existing = {"cache-probe": 1.0}
    factory.building.deferred = frozenset()
    result = factory.run("build", date_rank_key(WEDNESDAY, 1), BY_AUTOMATION)
    assert factory.tags(result)["factory/outcome"] == "shipped"
    assert factory.scouting.looked_up == asked
