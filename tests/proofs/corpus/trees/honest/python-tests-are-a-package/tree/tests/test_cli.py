import io
import subprocess
import sys

import pytest

from hourbook.cli import main


@pytest.mark.parametrize("fmt, suffix", [("text", "txt"), ("csv", "csv"), ("json", "json")])
def test_sum_matches_the_golden_file(week, golden, capsys, fmt, suffix):
    assert main(["sum", str(week), "--format", fmt]) == 0
    assert capsys.readouterr().out == golden(f"week.{suffix}")


def test_by_day(week, capsys):
    assert main(["sum", str(week), "--by", "day"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "2024-03-04    7:15"


def test_only_one_project(week, capsys):
    main(["sum", str(week), "--project", "admin", "--project", "nightly"])
    assert capsys.readouterr().out.splitlines()[-1].split() == ["total", "2:35"]


def test_check_reads_stdin(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("2024-01-01 10:00-11:00 x\n"))
    assert main(["check", "-"]) == 0
    assert capsys.readouterr().out == "1 entries\n"


def test_a_bad_line_is_named(tmp_path, capsys):
    log = tmp_path / "bad.log"
    log.write_text("# fine\nyesterday x\n")
    assert main(["check", str(log)]) == 1
    assert capsys.readouterr().err == "hourbook: line 2: not an entry: 'yesterday x'\n"


def test_a_missing_file_is_one_line(tmp_path, capsys):
    assert main(["sum", str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().err


@pytest.mark.cli
def test_runs_as_a_module(week):
    done = subprocess.run([sys.executable, "-m", "hourbook", "check", str(week)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "4 entries\n")
