"""What is known of the novelty of specs: kept, shown, and holding those back that exist already."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from defs_fakes import novelty_of
from registry_samples import DAY, LIMITS, NOW, queue, ship, spec

from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.domain.novelty import Found, NoveltyVerdict
from factory_assets.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


def launchable(registry: Registry) -> list[str]:
    return [queued.spec.name for queued in registry.queue.launchable(NOW, LIMITS)]


def test_what_is_known_of_a_spec_comes_back_and_the_latest_counts(registry: Registry) -> None:
    first, second = queue(registry, "cache-probe", "key-lint")
    registry.novelty.record(first.id, novelty_of("cache-probe", 1.0))
    registry.novelty.record(first.id, novelty_of("cache-probe", 0.3))
    assert registry.novelty.of([first.id, second.id]) == {first.id: novelty_of("cache-probe", 0.3)}
    story = registry.stories.of_repo("cache-probe")
    assert story is not None
    assert story.novelty == novelty_of("cache-probe", 0.3)


def test_a_spec_that_exists_already_is_not_launched_and_stays_in_the_queue(registry: Registry) -> None:
    first, second = queue(registry, "cache-probe", "key-lint")
    registry.novelty.record(first.id, novelty_of("cache-probe", 1.0))
    registry.novelty.record(second.id, novelty_of("key-lint", 0.8))
    assert launchable(registry) == ["key-lint"]
    held = registry.queue.by_id(first.id)
    assert (held.status, held.wait_cause) == (BuildStatus.QUEUED, WaitCause.EXISTS)
    assert [queued.spec.name for queued in registry.queue.specs({BuildStatus.QUEUED})] == [
        "cache-probe",
        "key-lint",
    ]


def test_a_person_lets_it_go_on_and_no_later_look_up_holds_it_again(registry: Registry) -> None:
    (held,) = queue(registry, "cache-probe")
    registry.novelty.record(held.id, novelty_of("cache-probe", 1.0))
    assert registry.queue.requeue(held.id).wait_cause is None
    registry.novelty.record(held.id, novelty_of("cache-probe", 1.0))
    assert launchable(registry) == ["cache-probe"]


def test_a_look_up_that_finds_less_lets_it_go_on_by_itself(registry: Registry) -> None:
    (held,) = queue(registry, "cache-probe")
    registry.novelty.record(held.id, novelty_of("cache-probe", 1.0))
    registry.novelty.record(held.id, novelty_of("cache-probe", 0.2))
    assert launchable(registry) == ["cache-probe"]


def test_a_build_that_has_begun_is_not_held_back_any_more(registry: Registry) -> None:
    (begun,) = queue(registry, "cache-probe")
    registry.builds.start(begun.id, run_id="run", now=NOW)
    registry.builds.defer(begun.id, cause=WaitCause.RATE_LIMIT, until=NOW, reason="429")
    registry.novelty.record(begun.id, novelty_of("cache-probe", 1.0))
    assert registry.queue.by_id(begun.id).wait_cause is WaitCause.RATE_LIMIT
    assert launchable(registry) == ["cache-probe"]


def test_the_page_of_a_date_is_news_when_a_spec_is_held_back(registry: Registry) -> None:
    (held,) = queue(registry, "cache-probe")
    before = registry.stories.day_digests()[DAY]
    registry.novelty.record(held.id, novelty_of("cache-probe", 1.0))
    assert registry.stories.day_digests()[DAY] != before


def test_own_repos_are_those_built_and_those_queued_before(registry: Registry) -> None:
    shipped, failed, earlier, held, mine, later = queue(registry, *(f"tool-{one}" for one in "abcdef"))
    ship(registry, shipped)
    registry.repos.record_mirror("tool-a", url="https://github.com/us/tool-a", commit="c", now=NOW)
    registry.builds.start(failed.id, run_id="run", now=NOW)
    registry.builds.fail(failed.id, "no")
    registry.novelty.record(held.id, novelty_of("tool-d", 1.0))
    problem = spec().problem
    assert registry.novelty.own_repos(mine.id) == [
        Found(name="tool-a", url="https://github.com/us/tool-a", about=problem),
        Found(name="tool-c", url="", about=problem),
    ]
    assert later.spec.name in {found.name for found in registry.novelty.own_repos(later.id + 1)}
    assert earlier.spec.name not in {found.name for found in registry.novelty.own_repos(earlier.id)}


def test_answers_are_kept_by_their_question_until_they_are_old(registry: Registry) -> None:
    found = (Found(name="a/b", url="https://github.com/a/b", about="It's 'quoted'"),)
    registry.novelty.keep_answer("https://api/?q=1", found, now=NOW)
    registry.novelty.keep_answer("https://api/?q=2", (), now=NOW)
    asked = ["https://api/?q=1", "https://api/?q=2", "https://api/?q=3"]
    assert registry.novelty.kept_answers(asked, since=NOW) == {
        "https://api/?q=1": found,
        "https://api/?q=2": (),
    }
    assert registry.novelty.kept_answers(asked, since=NOW + timedelta(seconds=1)) == {}
    registry.novelty.keep_answer("https://api/?q=2", found, now=NOW + timedelta(days=1))
    registry.novelty.forget_answers(NOW + timedelta(hours=1))
    assert registry.novelty.kept_answers(asked, since=NOW) == {"https://api/?q=2": found}


def test_a_registry_of_before_keeps_its_specs_and_holds_none_back(registry: Registry) -> None:
    queue(registry, "cache-probe")
    assert launchable(registry) == ["cache-probe"]
    assert registry.novelty.of([1]) == {}
    assert NoveltyVerdict.SKIP == "skip"  # as the view queued_specs writes it
    assert WaitCause.EXISTS == "exists already"  # as the view and the list of what can be launched write it
