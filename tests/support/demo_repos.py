"""The trees that the demo's recordings leave after each phase, without running them."""

from __future__ import annotations

import os
from pathlib import Path

from build_material import PAPER, tree_of

from factory_assets.building.scaffold.scaffold import write_scaffold
from factory_assets.domain.builds import Phase
from factory_assets.domain.trees import EXECUTABLE, REGULAR, Tree, TreeFile
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import WORKSPACE, EditCall, WriteCall

DEMO = Recordings.demo()
SPECS = {spec.name: spec for found in DEMO.analyses.values() for spec in found.specs}


def demo_trees(name: str, folder: Path) -> dict[str, Tree]:
    """The scaffold and the tree after each phase, by `scaffold` and the phase; `folder` has the last one."""
    write_scaffold(SPECS[name], [PAPER], workspace=folder, year=2026, owner="Example Org")
    trees = {"scaffold": _read_tree(folder)}
    for phase in Phase:
        for turn in DEMO.conversations[name].turns(phase) or ():
            for call in turn.calls:
                if isinstance(call, WriteCall | EditCall):
                    _do(call, folder)
        trees[phase] = _read_tree(folder)
    return trees


def _do(call: WriteCall | EditCall, folder: Path) -> None:
    path = folder / call.input.file_path.removeprefix(f"{WORKSPACE}/")
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(call, WriteCall):
        path.write_text(call.input.content)
    else:
        assert call.input.old_string in path.read_text()
        path.write_text(path.read_text().replace(call.input.old_string, call.input.new_string, 1))
    if path.parent.name == "bin":
        path.chmod(0o755)


def _read_tree(folder: Path) -> Tree:
    files: dict[str, TreeFile] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            mode = EXECUTABLE if os.access(path, os.X_OK) else REGULAR
            files |= tree_of({path.relative_to(folder).as_posix(): path.read_text()}, mode=mode)
    return files
