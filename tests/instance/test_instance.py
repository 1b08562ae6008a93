"""An instance is made of parts: each is made when first needed, and any may be replaced."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from factory_assets.build_defs import build_defs
from factory_assets.instance import Instance
from factory_assets.settings import Settings

HEAVY = ("anthropic", "apprise", "claude_agent_sdk", "github", "httpx", "sqlalchemy", "matplotlib", "dagster")


class _Clock:
    def now(self) -> datetime:
        return datetime(2026, 6, 22, 6, tzinfo=UTC)


def test_a_part_that_is_given_stands_in_the_place_of_its_own(replay_settings: Settings) -> None:
    given = Instance(replay_settings).tools
    instance = Instance(replay_settings, tools=given)
    assert instance.tools is given
    assert instance.registry is instance.registry


def test_a_part_that_no_instance_has_is_refused(replay_settings: Settings) -> None:
    with pytest.raises(TypeError, match="no part gardening"):
        Instance(replay_settings, gardening=object())
    with pytest.raises(TypeError, match="no part close"):
        Instance(replay_settings, close=object())


def test_no_part_is_made_before_it_is_needed(replay_settings: Settings) -> None:
    instance = Instance(replay_settings)
    made = set(vars(instance))
    _ = instance.alerts
    assert set(vars(instance)) - made == {"alerts"}


def test_the_instances_clock_is_the_definitions_clock(replay_settings: Settings) -> None:
    resources = build_defs(replay_settings).resources or {}
    assert set(resources) == {"registry", "instance", "clock"}
    assert resources["clock"] is resources["instance"].clock
    assert Instance(replay_settings, _Clock()).clock.now() == _Clock().now()


def test_an_instance_that_is_closed_has_ended_what_it_started(replay_settings: Settings) -> None:
    instance = Instance(replay_settings)
    access = instance.router.access.to("api")
    assert access.answers()
    instance.close()
    assert not access.answers()


def test_an_instance_and_its_parts_import_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from factory_assets.instance import Instance\n"
        "from factory_assets.settings import Settings\n"
        "made = Instance(Settings(_env_file=None))\n"
        "made.gathering, made.analysis, made.scouting, made.builds, made.mirroring, made.intake, made.housekeeping\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
