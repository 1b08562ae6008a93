"""A session's model stays its model: over calls, prompts, restarts and kills."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from layout import python_path

from factory_assets.domain.errors import InfrastructureError
from factory_assets.router.asked import Asked
from factory_assets.router.sessions import Pin, PinnedSessions, Talk

NOW = datetime(2026, 6, 17, 8, tzinfo=UTC)
OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"


def talk(
    session: str = "s1", *, owner: str = "word-count", model: str = SONNET, system: Any = "rules"
) -> Talk:
    body = {"model": model, "system": system, "messages": []}
    found = Talk.of(Asked.read(json.dumps(body).encode(), session=session), owner=owner)
    assert found is not None
    return found


def blocks(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text} for text in texts]


def test_a_session_keeps_the_model_that_it_was_first_given_whatever_is_chosen_later(tmp_path: Path) -> None:
    with PinnedSessions.open(tmp_path / "data" / "router.sqlite") as sessions:
        assert sessions.held(talk(), NOW) is None
        assert sessions.pin(talk(), HAIKU, NOW) == Pin(HAIKU)
        assert sessions.pin(talk(), OPUS, NOW) == Pin(HAIKU)
        assert sessions.held(talk(), NOW) == Pin(HAIKU)


def test_the_small_model_beside_the_main_one_has_a_pin_of_its_own(tmp_path: Path) -> None:
    with PinnedSessions.open(tmp_path / "s.sqlite") as sessions:
        sessions.pin(talk(model=OPUS), SONNET, NOW)
        sessions.pin(talk(model=HAIKU), HAIKU, NOW)
        assert sessions.held(talk(model=OPUS), NOW) == Pin(SONNET)
        assert sessions.held(talk(model=HAIKU), NOW) == Pin(HAIKU)


def test_a_system_prompt_that_is_new_to_a_session_is_told_once_and_switches_nothing(tmp_path: Path) -> None:
    with PinnedSessions.open(tmp_path / "s.sqlite") as sessions:
        sessions.pin(talk(), HAIKU, NOW)
        subagent = talk(system="You look for files.")
        assert sessions.held(subagent, NOW) == Pin(HAIKU, is_new_prompt=True)
        assert sessions.held(subagent, NOW) == Pin(HAIKU)
        assert sessions.held(talk(), NOW) == Pin(HAIKU)


def test_the_attribution_block_is_no_part_of_the_system_prompt() -> None:
    first, second = (
        "x-anthropic-billing-header: cc_version=2.1.330.12c;",
        "x-anthropic-billing-header: cch=ead88;",
    )
    prompt = talk(system=blocks(first, "You are", "an agent")).system
    assert talk(system=blocks(second, "You are", "an agent")).system == prompt
    assert talk(system=blocks("You are", "an agent")).system == prompt
    assert talk(system=blocks("You are", first, "an agent")).system != prompt
    assert talk(system=blocks("You are an", "agent")).system != prompt


def test_an_owner_learns_and_moves_nothing_of_anothers_session(tmp_path: Path) -> None:
    with PinnedSessions.open(tmp_path / "s.sqlite") as sessions:
        sessions.pin(talk(), HAIKU, NOW)
        assert sessions.held(talk(owner="other"), NOW) is None
        sessions.pin(talk(owner="other"), OPUS, NOW)
        assert sessions.held(talk(), NOW) == Pin(HAIKU)


def test_a_pin_holds_while_nothing_can_be_written(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite"
    with PinnedSessions.open(file) as sessions, sqlite3.connect(file, isolation_level=None) as writer:
        sessions.pin(talk(), HAIKU, NOW)
        writer.execute("BEGIN IMMEDIATE")
        assert sessions.held(talk(), NOW + timedelta(hours=1)) == Pin(HAIKU)
        assert sessions.held(talk(system="other rules"), NOW) == Pin(HAIKU, is_new_prompt=True)
        with pytest.raises(InfrastructureError, match="The router's sessions cannot be kept"):
            sessions.pin(talk("s2"), HAIKU, NOW)


def test_pins_outlive_a_router_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite"
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from test_router_sessions import HAIKU, NOW, PinnedSessions, talk\n"
        "with PinnedSessions.open(Path(sys.argv[1])) as sessions:\n"
        "    sessions.pin(talk(), HAIKU, NOW)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    env = {**os.environ, "PYTHONPATH": python_path(__file__)}
    killed = subprocess.run([sys.executable, "-c", code, str(file)], env=env, check=False)
    assert killed.returncode == -signal.SIGKILL
    with PinnedSessions.open(file) as sessions:
        assert sessions.held(talk(), NOW) == Pin(HAIKU)


def test_a_pin_goes_when_it_was_not_used_for_long_and_stays_while_it_is(tmp_path: Path) -> None:
    with PinnedSessions.open(tmp_path / "s.sqlite", most_age=timedelta(days=2)) as sessions:
        sessions.pin(talk("idle"), HAIKU, NOW)
        sessions.pin(talk("busy"), HAIKU, NOW)
        sessions.held(talk("busy"), NOW + timedelta(days=1.5))
        sessions.pin(talk("new"), HAIKU, NOW + timedelta(days=2.5))
        left = [sessions.held(talk(name), NOW + timedelta(days=2.5)) for name in ("idle", "busy", "new")]
    assert left == [None, Pin(HAIKU), Pin(HAIKU)]


def test_of_too_many_pins_the_longest_unused_go_and_an_owner_drives_out_its_own_first(tmp_path: Path) -> None:
    with PinnedSessions.open(tmp_path / "s.sqlite", most=8, most_of_owner=3) as sessions:
        sessions.pin(talk("quiet", owner="a"), HAIKU, NOW)
        for n in range(1, 21):
            sessions.pin(talk(f"s{n}", owner="noisy"), HAIKU, NOW + timedelta(seconds=n))
            # A prompt that changes with every call counts as well.
            sessions.held(talk("s1", owner="noisy", system=f"rules {n}"), NOW + timedelta(seconds=n))
        later = NOW + timedelta(minutes=1)
        assert sessions.held(talk("quiet", owner="a"), later) == Pin(HAIKU)
        kept = [n for n in range(1, 21) if sessions.held(talk(f"s{n}", owner="noisy"), later) is not None]
        assert kept == [1, 20]
        for n in range(8):
            sessions.pin(talk(owner=f"owner {n}"), HAIKU, later + timedelta(minutes=2))
        assert sessions.held(talk("quiet", owner="a"), later + timedelta(minutes=3)) is None


def test_a_models_cache_is_warm_for_five_minutes_after_a_session_used_its_prompt(tmp_path: Path) -> None:
    with PinnedSessions.open(tmp_path / "s.sqlite") as sessions:
        sessions.pin(talk(model=OPUS), SONNET, NOW)
        sessions.pin(talk("s2", model=HAIKU, system="other rules"), HAIKU, NOW)
        system = talk().system
        assert sessions.warm(system, NOW + timedelta(minutes=4)) == {SONNET}
        assert sessions.warm(system, NOW + timedelta(minutes=6)) == frozenset()
        sessions.held(talk(model=OPUS), NOW + timedelta(minutes=4))
        assert sessions.warm(system, NOW + timedelta(minutes=6)) == {SONNET}


@pytest.mark.parametrize("model", ["", "x" * 201, "\ud800", "two words", None, 5])
def test_what_can_be_no_models_name_is_never_pinned(model: object) -> None:
    body = json.dumps({"model": model, "system": [None, {"text": 3}, {"text": "\ud800"}]}).encode()
    assert Talk.of(Asked.read(body, session="s"), owner="x") is None


def test_a_call_outside_a_session_is_no_talk() -> None:
    body = json.dumps({"model": SONNET}).encode()
    assert Talk.of(Asked.read(body), owner="x") is None
    assert Talk.of(Asked.read(body, session=""), owner="x") is None


def test_a_file_that_holds_no_sessions_is_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite"
    file.write_text("no database at all " * 100)
    with (
        pytest.raises(InfrastructureError, match="The router's sessions cannot be kept"),
        PinnedSessions.open(file),
    ):
        pass
