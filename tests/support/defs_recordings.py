"""Parts of the demo's recordings, for instances that shall build only a few repos."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from factory_assets.settings import PROJECT_ROOT

DEMO = PROJECT_ROOT / "factory_assets" / "replay" / "recordings" / "demo"


def copy_recordings(folder: Path, repos: Mapping[str, tuple[str, ...]]) -> Path:
    """The analyses of these dates with only these repos, and the conversations that build them."""
    folder.mkdir(parents=True)
    shutil.copy(DEMO / "analysis-each.yaml", folder)
    for day, names in repos.items():
        analysis = yaml.safe_load((DEMO / f"analysis-{day}.yaml").read_text())
        analysis["specs"] = [spec for spec in analysis["specs"] if spec["name"] in names]
        assert len(analysis["specs"]) == len(names)
        (folder / f"analysis-{day}.yaml").write_text(yaml.safe_dump(analysis))
        for name in names:
            shutil.copy(DEMO / f"{name}.yaml", folder)
    return folder


def pause_first(folder: Path, repo: str, seconds: int) -> None:
    """Let the build of a repo begin with a pause, so that somebody can come between."""
    file = folder / f"{repo}.yaml"
    recorded = yaml.safe_load(file.read_text())
    call = {"tool": "Bash", "input": {"command": f"sleep {seconds}", "description": "Wait"}}
    recorded["build"].insert(0, {"calls": [call]})
    file.write_text(yaml.safe_dump(recorded))
