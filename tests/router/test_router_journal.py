"""The router's journal: what its calls have come to, whatever becomes of the router."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from layout import python_path

from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InfrastructureError
from factory_assets.router.grants import Grants
from factory_assets.router.journal import Journal, spent_by
from factory_assets.router.tokens import Grant

NOW = datetime(2026, 6, 17, 8, tzinfo=UTC)
GRANT = Grant(
    id="a1", stage="build", repo="word-count", phase="build", limit_usd=3.0, until=NOW + timedelta(hours=1)
)
ESTIMATE = Usage(calls=1, input_tokens=100, output_tokens=1000, cost_usd=0.7)


def test_a_call_under_way_counts_with_its_estimate_and_then_with_what_it_did(
    tmp_path: Path,
) -> None:
    with Journal.open(tmp_path / "data" / "router.sqlite") as journal:
        number = journal.begin(GRANT, "claude-sonnet-5", ESTIMATE, now=NOW)
        assert journal.spent("a1").cost_usd == 0.7
        journal.count(number, Usage(calls=1, input_tokens=10, output_tokens=5, cost_usd=0.02))
        journal.end(number, "done", now=NOW)
        journal.count(number, Usage(calls=1, cost_usd=9.0))
        assert journal.spent("a1") == Usage(calls=1, input_tokens=10, output_tokens=5, cost_usd=0.02)
        assert journal.spent("b2") == Usage()


def test_what_a_killed_router_had_under_way_stays_spent(tmp_path: Path) -> None:
    file = tmp_path / "router.sqlite"
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from test_router_journal import ESTIMATE, GRANT, NOW, Journal\n"
        "with Journal.open(Path(sys.argv[1])) as journal:\n"
        "    journal.begin(GRANT, 'claude-sonnet-5', ESTIMATE, now=NOW)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    env = {**os.environ, "PYTHONPATH": python_path(__file__)}
    killed = subprocess.run([sys.executable, "-c", code, str(file)], env=env, check=False)
    assert killed.returncode == -signal.SIGKILL
    with Journal.open(file) as journal:
        assert journal.spent("a1").cost_usd == 0.7
        journal.count(1, Usage(cost_usd=0.0))
        assert journal.spent("a1").cost_usd == 0.7
        assert list(tmp_path.glob("*.lock")) == [tmp_path / f"router.sqlite.{journal.router}.lock"]


def test_what_another_router_has_under_way_is_left_to_it(tmp_path: Path) -> None:
    file = tmp_path / "router.sqlite"
    with Journal.open(file) as first:
        number = first.begin(GRANT, "claude-sonnet-5", ESTIMATE, now=NOW)
        with Journal.open(file):
            pass
        first.count(number, Usage(calls=1, output_tokens=5, cost_usd=0.02))
        assert first.spent("a1").cost_usd == 0.02
    assert spent_by(file, "a1").cost_usd == 0.02


def test_a_file_that_is_no_journal_is_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "router.sqlite"
    file.write_text("no database at all " * 100)
    with pytest.raises(InfrastructureError, match="journal cannot be kept"), Journal.open(file):
        pass


def test_a_router_forgets_grants_that_are_over_and_calls_of_a_quarter_ago(tmp_path: Path) -> None:
    """What runs for weeks must not grow with what it has done."""
    file, later = tmp_path / "router.sqlite", NOW + timedelta(days=3)
    with Journal.open(file) as journal:
        grants = Grants(journal)
        grants.of(GRANT, now=NOW)
        grants.of(GRANT.model_copy(update={"id": "b2"}), now=NOW)
        grants.end("b2", now=NOW)
        assert grants.ids == ["a1"]
        grants.of(GRANT.model_copy(update={"id": "c3", "until": later + timedelta(hours=1)}), now=later)
        assert grants.ids == ["c3"]
        old = datetime.now(UTC) - timedelta(days=91)
        for moment in (old, datetime.now(UTC)):
            journal.end(journal.begin(GRANT, "claude-sonnet-5", ESTIMATE, now=moment), "answered", now=moment)
        assert journal.spent("a1").calls == 2
    assert spent_by(file, "a1").calls == 2
    with Journal.open(file) as journal:
        assert journal.spent("a1").calls == 1
