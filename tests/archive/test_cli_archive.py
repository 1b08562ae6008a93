"""`factory archive`: what an operator reads of it, and what another program does."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from defs_commands import Commands
from test_archive_snapshot import LINE, written


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    made = Commands(tmp_path / "home", monkeypatch, capsys)
    made.write_replay()
    return made


def test_a_snapshot_is_loaded_and_its_papers_are_read_by_any_form_of_their_id(
    commands: Commands, tmp_path: Path
) -> None:
    path = written(tmp_path, LINE, "{", {**LINE, "id": "hep-th/9901001", "license": "https://l.example"})
    loaded = commands("archive", "load", str(path), FACTORY_MODE="replay")
    assert loaded.code == 0
    assert "snapshot.json: 2 new, 0 changed, 0 as they were; 1 month written." in loaded.out
    assert "Left out, as no records: 1 line. line 2: Invalid JSON" in loaded.out
    shown = commands("archive", "read", "https://arxiv.org/abs/hep-th/9901001v3", FACTORY_MODE="replay")
    assert "arxiv id: hep-th/9901001" in shown.out
    assert "authors: C. Balázs, E. L. Berger Jr., The CMS Collaboration" in shown.out
    assert "licence: https://l.example" in shown.out
    told = commands("archive", "read", "0704.0001", "--json", FACTORY_MODE="replay")
    (record,) = json.loads(told.out)
    assert record["submitted"] == "2007-04-02T19:18:42Z"
    assert "licence" not in record
    found = commands("archive", "search", "diphoton", "+hadron", FACTORY_MODE="replay")
    assert found.out == "Nothing was found; `factory archive stats` tells what the archive holds."
    hits = json.loads(
        commands("archive", "search", "diphoton", "--json", "--count", "1", FACTORY_MODE="replay").out
    )
    assert [sorted(hit)[:2] for hit in hits] == [["abstract", "arxiv_id"]]
    recent = commands("archive", "recent", "--count", "1", FACTORY_MODE="replay")
    assert recent.out.startswith("2007-04-02 hep-th/9901001 Calculation of prompt diphoton")


def test_whoever_loads_papers_makes_them_ready_and_the_first_question_is_only_asked(
    commands: Commands, tmp_path: Path
) -> None:
    loaded = commands("archive", "load", str(written(tmp_path, LINE)), FACTORY_MODE="replay")
    made = indexed(commands)
    assert {"months.json", "meta.json", "state.json", "learned.npz"} <= {path.name for path in made}
    assert "0704.0001" in commands("archive", "search", "diphoton", FACTORY_MODE="replay").out
    commands("archive", "similar", "0704.0001", FACTORY_MODE="replay")
    assert indexed(commands) == made
    assert loaded.out.endswith("1 month written.")


def test_papers_that_cannot_be_indexed_are_loaded_all_the_same_and_that_is_told(
    commands: Commands, tmp_path: Path
) -> None:
    folder = archive_folder(commands)
    folder.mkdir(parents=True)
    (folder / "search-3").touch()
    loaded = commands("archive", "load", str(written(tmp_path, LINE)), FACTORY_MODE="replay")
    assert loaded.code == 0
    assert "The records are in." in loaded.out
    assert f"{folder / 'search-3'}: The search index cannot be used" in loaded.out
    assert "1 new, 0 changed" in loaded.out
    assert list(folder.glob("space-*/state.json"))
    (folder / "search-3").unlink()
    assert "0704.0001" in commands("archive", "search", "diphoton", FACTORY_MODE="replay").out


def test_similar_papers_are_listed_with_their_likeness(commands: Commands, tmp_path: Path) -> None:
    lines = [
        {**LINE, "id": "hep-th/9901001", "title": "Caches", "abstract": "Keys and values of long prompts."},
        {**LINE, "id": "2606.00001", "title": "Prompts", "abstract": "Long prompts, and a cache for keys."},
        {**LINE, "id": "2606.00002", "title": "Galaxies", "abstract": "Seen by a telescope."},
    ]
    commands("archive", "load", str(written(tmp_path, *lines)), FACTORY_MODE="replay")
    listed = commands("archive", "similar", "hep-th/9901001", "--count", "1", FACTORY_MODE="replay")
    assert re.fullmatch(r"0\.\d{3} 2606\.00001 Prompts", listed.out)
    (told,) = json.loads(commands("archive", "similar", "2606.00001v2", "--json", FACTORY_MODE="replay").out)
    assert (told["arxiv_id"], 0 < told["likeness"] < 1) == ("hep-th/9901001", True)
    alone = commands("archive", "similar", "2606.00002", FACTORY_MODE="replay")
    assert alone.out.startswith("No paper of the archive has anything in common with it;")


def test_what_is_held_is_told_in_words_and_as_json(commands: Commands, tmp_path: Path) -> None:
    empty = commands("archive", "stats", FACTORY_MODE="replay")
    assert (
        empty.out == "The archive is empty: `factory archive load FILE` or `factory archive sync` fills it."
    )
    told = commands("archive", "load", str(written(tmp_path, LINE)), "--json", FACTORY_MODE="replay")
    assert json.loads(told.out) == {
        "new": 1,
        "changed": 0,
        "deleted": 0,
        "unchanged": 0,
        "months": 1,
        "left_out": 0,
        "unread": [],
    }
    stats = json.loads(commands("archive", "stats", "--json", FACTORY_MODE="replay").out)
    assert (stats["records"], stats["first_month"], stats["by_category"]) == (1, "2007-04", {"hep-ph": 1})
    words = commands("archive", "stats", FACTORY_MODE="replay").out
    assert words.startswith("1 paper of 2007-04 to 2007-04, 0.0 MB in 1 file.")


def test_it_is_served_on_loopback_and_a_port_that_is_taken_is_refused(
    commands: Commands, tmp_path: Path
) -> None:
    commands("archive", "load", str(written(tmp_path, LINE)), FACTORY_MODE="replay")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.listen()
        refused = commands("archive", "serve", "--port", str(port), FACTORY_MODE="replay")
    assert f"error: --port: The archive cannot listen on 127.0.0.1:{port}" in refused.err
    command = [sys.executable, "-m", "factory_assets.cli", "archive", "serve", "--port", str(port)]
    env = {**os.environ, **commands.environment(), "FACTORY_MODE": "replay"}
    with subprocess.Popen(command, env=env) as server:
        try:
            assert answered(f"http://127.0.0.1:{port}/papers/0704.0001")["authors"].startswith("C. Balázs")
        finally:
            server.terminate()
            assert server.wait(30) != 1


def answered(url: str) -> dict[str, Any]:
    """The answer of a server that is starting."""
    deadline = time.monotonic() + 60
    while True:
        with suppress(httpx.TransportError):
            return dict(httpx.get(url).json())
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["read", "2606.00001"], "error: 2606.00001: The archive does not hold this paper. Fix: "),
        (["similar", "2606.00001"], "error: 2606.00001: The archive does not hold this paper. Fix: "),
        (["read", "x"], "error: 'x' is not an arXiv id."),
        (["load", "/nowhere/s.json"], "error: /nowhere/s.json: The snapshot cannot be read: No such file"),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(commands: Commands, argv: list[str], says: str) -> None:
    ended = commands("archive", *argv, FACTORY_MODE="replay")
    assert ended.code == 1
    assert says in ended.err


def test_the_records_that_changed_are_harvested_and_told(commands: Commands) -> None:
    words = commands("archive", "sync", "--from", "2026-06-01", "--to", "2026-06-05", FACTORY_MODE="replay")
    assert words.code == 0
    assert "cs, 2026-06-01 to 2026-06-05: page 1 with " in words.out
    found = re.search(r": (\d+) records, (\d+) new, 0 changed, 0 deleted, 0 as they were; 1 month", words.out)
    assert found is not None, words.out
    assert found[1] == found[2] != "0"
    told = json.loads(
        commands(
            "archive", "sync", "--from", "2026-06-01", "--to", "2026-06-05", "--json", FACTORY_MODE="replay"
        ).out
    )
    assert (told["records"], told["new"], told["unchanged"]) == (int(found[1]), 0, int(found[1]))
    assert (
        json.loads(commands("archive", "stats", "--json", FACTORY_MODE="replay").out)["records"]
        == told["records"]
    )
    refused = commands("archive", "sync", "--from", "2026-06-05", "--to", "2026-06-01", FACTORY_MODE="replay")
    assert refused.code != 0
    assert "There is no date from 2026-06-05 to 2026-06-01" in refused.err + refused.out


def archive_folder(commands: Commands) -> Path:
    return commands.data / "archive"


def indexed(commands: Commands) -> dict[Path, int]:
    """The files that questions are answered from, and when they were written."""
    folders = [*archive_folder(commands).glob("search-*"), *archive_folder(commands).glob("space-*")]
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path: path.stat().st_mtime_ns for path in files}
