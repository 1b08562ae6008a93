"""Which sandbox a machine gets, and where toolchains are looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from claude_code_sandboxes import bubblewrap, plain

from factory_assets.sandbox import (
    BubblewrapSandbox,
    PlainSandbox,
    ResourceLimits,
    default_toolchains,
    find_sandbox,
)
from factory_assets.sandbox.bare_python import bare_python


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_without_bubblewrap_the_plain_sandbox_says_that_nothing_contains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = find_sandbox(hidden=[tmp_path])
    assert isinstance(sandbox, PlainSandbox)
    assert sandbox.protections == ()
    assert sandbox.missing[0] == "no containment: bubblewrap is not installed"


def test_a_bubblewrap_that_does_not_work_is_not_used_and_its_words_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bwrap", "#!/bin/sh\necho 'bwrap: No permissions to create namespace'; exit 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    sandbox = find_sandbox(hidden=[tmp_path / "x"])
    assert isinstance(sandbox, PlainSandbox)
    assert "No permissions to create namespace" in sandbox.missing[0]


def test_a_bubblewrap_that_has_gone_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bwrap", "#!/bin/sh\nexit 0\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert isinstance(find_sandbox(hidden=(), toolchain_paths=()), BubblewrapSandbox)
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert isinstance(find_sandbox(hidden=(), toolchain_paths=()), PlainSandbox)


def test_bubblewrap_is_tried_once() -> None:
    assert bubblewrap() is bubblewrap()


def test_a_toolchain_outside_the_system_is_its_whole_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "go" / "bin" / "go")
    monkeypatch.setenv("PATH", str(tmp_path / "go" / "bin"))
    assert default_toolchains() == (tmp_path / "go",)


def test_a_program_in_a_shared_folder_is_shown_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    node = program(tmp_path / ".local" / "bin" / "node")
    monkeypatch.setenv("PATH", str(node.parent))
    assert default_toolchains() == (node,)


def test_rustup_gives_its_default_toolchain_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "cargo" / "bin" / "rustup")
    (tmp_path / "cargo" / "bin" / "cargo").symlink_to("rustup")
    settings = tmp_path / "rustup" / "settings.toml"
    stable = tmp_path / "rustup" / "toolchains" / "stable-x86_64-unknown-linux-gnu"
    program(stable / "bin" / "cargo")
    settings.write_text('default_toolchain = "stable"\n')
    monkeypatch.setenv("RUSTUP_HOME", str(tmp_path / "rustup"))
    monkeypatch.setenv("PATH", str(tmp_path / "cargo" / "bin"))
    assert default_toolchains() == (stable,)


def test_a_program_is_found_where_a_command_would_find_it(tmp_path: Path) -> None:
    tool = program(tmp_path / "kit" / "bin" / "odd-tool")
    sandbox = PlainSandbox("no reason", toolchains=(tmp_path / "kit",), limits=ResourceLimits())
    assert sandbox.which("odd-tool") == tool
    assert plain().which("odd-tool") is None
    assert plain().which("python3") == bare_python() / "bin" / "python3"
    assert os.access(tool, os.X_OK)
