"""The kept conversation of a session: whole, without secrets, and only what the program itself wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from claude_code_server import Say, Use, claude_server
from test_claude_code_program import KEY, bash, claude, ignore, task, unmetered

from factory_assets.domain.redaction import Redactor
from factory_assets.llm.claude_code_transcript import keep_transcript


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / ".claude" / "projects" / "-work"
    folder.mkdir(parents=True)
    (folder / "session-1.jsonl").write_text(json.dumps({"text": f"the key is {KEY}"}) + "\n")
    return tmp_path / "home"


def test_a_transcript_is_kept_without_secrets(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "kept" / "tool-a" / "1-build-1.jsonl"
    assert keep_transcript(home, "session-1", target, Redactor([KEY]))
    assert json.loads(target.read_text()) == {"text": "the key is [secret]"}
    assert target.stat().st_mode & 0o077 == 0
    assert [path.name for path in target.parent.iterdir()] == ["1-build-1.jsonl"]


def test_a_link_that_an_agent_put_there_is_not_followed(home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("private")
    record = home / ".claude" / "projects" / "-work" / "session-1.jsonl"
    record.unlink()
    record.symlink_to(outside)
    assert not keep_transcript(home, "session-1", tmp_path / "kept.jsonl", Redactor([]))
    assert not (tmp_path / "kept.jsonl").exists()


def test_a_session_without_a_record_keeps_nothing(home: Path, tmp_path: Path) -> None:
    assert not keep_transcript(home, "session-2", tmp_path / "kept.jsonl", Redactor([]))


@pytest.mark.end_to_end
def test_the_real_program_leaves_a_record_of_what_it_said_and_did(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    target = tmp_path / "kept.jsonl"
    write = Use("Write", {"file_path": f"{workspace}/greet.py", "content": "print('hi')\n"})
    with claude_server(write, bash(f"echo {KEY}"), Say("all done")) as script:
        claude(script, tmp_path).run_agent(replace(task(workspace), transcript=target), ignore, unmetered)
    text = target.read_text()
    assert "greet.py" in text
    assert "all done" in text
    assert KEY not in text
    assert all(json.loads(line) for line in text.splitlines())
