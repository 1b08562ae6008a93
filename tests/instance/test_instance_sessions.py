"""The end of a build's sessions: it happens beside the build's own result, never in its place."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from chaos_specs import SpecSource
from claude_code_sandboxes import bubblewrap

from factory_assets.building.outcome import Deferred
from factory_assets.instance import Instance
from factory_assets.llm.claude_code_home import home_of
from factory_assets.settings import Settings


def test_sessions_that_cannot_be_removed_do_not_hide_how_the_build_ended(
    tmp_path: Path, replay_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    bubblewrap()

    def busy(path: Path) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy", str(path))

    monkeypatch.setattr("factory_assets.llm.claude_code.remove_folder", busy)
    instance = Instance(replay_settings)
    name = SpecSource(instance.registry, tmp_path / "recordings").queue().name
    data = replay_settings.factory_data_dir
    sessions = home_of(data / "claude-code", replay_settings.workspaces_dir / name / "work")
    sessions.parent.mkdir(parents=True)
    # A file where a folder has to be: no agent can start.
    sessions.write_text("in the way")
    said: list[str] = []
    outcome = instance.builds.build(instance.registry.queue.named(name), "a-run", said.append)
    assert isinstance(outcome, Deferred)
    assert "Not a directory" in outcome.what
    assert said[-1].startswith("The sessions of this build stay; the nightly housekeeping tries again")
