"""A build that could not end before a subscription's windows are full is not started, and is later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from automation_ticks import MONDAY_LATER, THURSDAY, WEDNESDAY, queue_two, repos, sense, spec_named, tick
from defs_factory import DefsFactory
from pydantic import SecretStr
from registry_samples import phase_record, queue, shipped
from subscription_headers import headers

from factory_assets.defs.partitions import spec_key
from factory_assets.defs.runs import ATTEMPTS_TAG
from factory_assets.domain.builds import BuildStatus, Phase, WaitCause
from factory_assets.router.whereabouts import Whereabouts
from factory_assets.router.windows_file import WindowsFile
from factory_assets.settings import Mode

NOW = datetime.now(UTC)
TOKEN = SecretStr("sk-ant-oat01-a-made-up-token-of-a-test")
BOTH = ["cache-probe", "tree-probe"]
AUTOMATED = {ATTEMPTS_TAG: "0"}
TWO_BACKENDS = """
backends:
  - {name: anthropic, kind: anthropic, base_url: https://api.anthropic.com, credential_kind: oauth_token,
     credential: $CLAUDE_CODE_OAUTH_TOKEN, any_model: true}
  - {name: second, kind: anthropic, base_url: https://api.anthropic.com, credential_kind: api_key,
     credential: $SECOND_KEY, any_model: true}
"""


def live(kept: DefsFactory, **settings: object) -> DefsFactory:
    """The same instance as a live one, by a subscription's token."""
    update = {"factory_mode": Mode.LIVE, "claude_code_oauth_token": TOKEN, **settings}
    return DefsFactory(kept.settings.model_copy(update=update), kept.instance)


def fill_window(factory: DefsFactory, share: float) -> None:
    """What an answer told just now of the 5-hour window, which began three hours ago."""
    file = WindowsFile(Whereabouts(factory.settings.router_dir).windows)
    file.file.parent.mkdir(parents=True)
    file.heard("anthropic", headers(five=share, five_resets=NOW + timedelta(hours=2)), NOW)


def test_while_the_window_is_about_to_be_full_nothing_is_launched_and_every_tick_says_until_when(
    kept: DefsFactory,
) -> None:
    factory = live(kept)
    queue_two(factory)
    fill_window(factory, 0.95)
    for words in (sense(factory), sense(factory, number=None), tick(factory, "build_daily", MONDAY_LATER)):
        assert isinstance(words, str)
        assert words.startswith("No build is started before 20")
        assert "the 5-hour window is 95 % full" in words
        assert "a build takes about 20 minutes" in words
    assert factory.registry.launches.asked_for() == {}


def test_builds_are_launched_while_the_window_has_room(kept: DefsFactory) -> None:
    factory = live(kept)
    queue_two(factory)
    fill_window(factory, 0.7)
    assert repos(sense(factory)) == BOTH


def test_a_build_is_taken_to_last_as_long_as_builds_have_lasted(kept: DefsFactory) -> None:
    factory = live(kept)
    queue_two(factory)
    fill_window(factory, 0.7)
    remember_builds(factory, minutes=100.0)
    words = sense(factory)
    assert isinstance(words, str)
    assert "a build takes about 100 minutes" in words


def test_the_windows_of_a_subscription_that_is_no_longer_in_use_hold_nothing_back(kept: DefsFactory) -> None:
    factory = live(kept, claude_code_oauth_token=None, anthropic_api_key=SecretStr("sk-ant-api03-made-up"))
    queue_two(factory)
    fill_window(factory, 1.0)
    assert repos(sense(factory)) == BOTH


def test_a_second_backend_that_takes_builds_has_room_enough(
    kept: DefsFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_KEY", "sk-ant-api03-a-made-up-key")
    file = tmp_path / "backends.yaml"
    file.write_text(TWO_BACKENDS)
    factory = live(kept, factory_backends_file=file)
    queue_two(factory)
    fill_window(factory, 1.0)
    assert repos(sense(factory)) == BOTH


def test_a_run_that_was_launched_before_puts_its_spec_off_until_there_is_room(kept: DefsFactory) -> None:
    factory = live(kept)
    queue_two(factory)
    fill_window(factory, 1.0)
    run = factory.defs.resolve_job_def("build").execute_in_process(
        instance=factory.instance, partition_key=spec_key(spec_named(factory, "cache-probe")), tags=AUTOMATED
    )
    assert run.success
    assert factory.tags(run)["factory/outcome"] == "deferred"
    queued = spec_named(factory, "cache-probe")
    assert (queued.status, queued.attempts, queued.wait_cause) == (
        BuildStatus.QUEUED,
        0,
        WaitCause.USAGE_LIMIT,
    )
    assert queued.not_before is not None
    # Looked at again within the hour, though the window is full for two.
    assert queued.not_before - datetime.now(UTC) <= timedelta(hours=1)
    assert "the 5-hour window is full" in (queued.error_log or "")
    assert factory.materialized("built_repos") == set()


def test_what_a_person_asks_for_is_built_all_the_same(kept: DefsFactory) -> None:
    factory = live(kept)
    queue_two(factory)
    fill_window(factory, 1.0)
    assert factory.run_rank("build", WEDNESDAY, 1).success
    assert spec_named(factory, "cache-probe").status is BuildStatus.SHIPPED


def remember_builds(factory: DefsFactory, *, minutes: float) -> None:
    """Five repos that shipped just now, each after so many minutes."""
    for queued in queue(factory.registry, *(f"earlier-{number}" for number in range(5)), day=THURSDAY):
        factory.registry.builds.start(queued.id, run_id="earlier", now=NOW)
        for phase in Phase:
            factory.registry.builds.enter_phase(queued.id, phase)
        record = phase_record(seconds=60 * minutes, finished_at=NOW)
        factory.registry.builds.finish_phase(queued.id, 1, record)
        factory.registry.builds.ship(queued.id, shipped(queued.spec.name, shipped_at=NOW))
