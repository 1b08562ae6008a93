import json
import subprocess
import sys
from pathlib import Path

import pytest

from shift_ledger.cli import main

ROOT = Path(__file__).parent.parent


def test_add_and_sum(tmp_path, capsys):
    file = ["--file", str(tmp_path / "a.db")]
    assert main([*file, "add", "ada", "2024-01-01T09:00", "--hours", "2.5"]) == 0
    assert main([*file, "add", "ada", "2024-01-01T09:00"]) == 0
    assert capsys.readouterr().out.splitlines() == ["added", "there already"]
    main([*file, "sum", "--json"])
    assert json.loads(capsys.readouterr().out) == [{"person": "ada", "hours": 2.5, "by_kind": {"day": 2.5}}]


def test_check_tells_of_overlaps(tmp_path, capsys):
    file = ["--file", str(tmp_path / "a.db")]
    main([*file, "add", "ada", "2024-01-01T09:00"])
    assert main([*file, "check"]) == 0
    main([*file, "add", "bob", "2024-01-01T10:00"])
    assert main([*file, "check"]) == 3
    assert "ada and bob overlap at 2024-01-01 10:00" in capsys.readouterr().out


def test_bad_hours_are_told(tmp_path, capsys):
    assert main(["--file", str(tmp_path / "a.db"), "add", "ada", "2024-01-01", "--hours", "0"]) == 1
    assert capsys.readouterr().err.startswith("shift-ledger: ada")


@pytest.mark.slow
def test_it_runs_as_a_module(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "shift_ledger", "--file", tmp_path / "a.db", "sum"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "\n")
