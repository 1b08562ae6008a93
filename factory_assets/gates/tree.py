"""Gates of every phase's commit: nothing that points out of the repo, nothing huge.

Every phase's commit ships as history, so each is looked at, not only the last.
"""

from __future__ import annotations

import posixpath

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.trees import SYMLINK, Tree, TreeFile
from factory_assets.gates.names import TREE_SAFE

LARGEST_TEXT, LARGEST_BINARY = 1_000_000, 100_000
MOST_FILES = 500
# What programs read when somebody opens the folder, and can run commands from.
OPENED_FILES = (".envrc", ".mcp.json")
OPENED_FOLDERS = (".claude", ".cursor", ".devcontainer", ".idea", ".vscode")


def judge_tree(phase: Phase, tree: Tree) -> GateVerdict:
    """Refuse links out of the repo, settings that act when it is opened, more than 500 files, and any file over 1 MB,
    or over 100 kB when it is no text.
    """
    faults = [
        f"{path} is a link to {(file.data or b'').decode(errors='replace')}, outside the repo"
        for path, file in tree.items()
        if file.mode == SYMLINK and _leads_out(path, (file.data or b"..").decode(errors="replace"))
    ]
    faults += [f"{path} acts on whoever opens the repo" for path in tree if _acts_when_opened(path)]
    faults += [
        f"{path} has {file.size:,} bytes; a file may have {LARGEST_TEXT:,}, or {LARGEST_BINARY:,} when it is no text"
        for path, file in tree.items()
        if file.size > (LARGEST_TEXT if _is_text(file) else LARGEST_BINARY)
    ]
    if len(tree) > MOST_FILES:
        faults.append(f"{len(tree)} files")
    return GateVerdict(
        gate=TREE_SAFE,
        phase=phase,
        passed=not faults,
        saw="; ".join(faults) if faults else f"{len(tree)} files, no link out of the repo",
        fix="Build the repo again; see the commit kept under refs/factory/failed." if faults else "",
    )


def _is_text(file: TreeFile) -> bool:
    try:
        return b"\0" not in (file.data or b"\0") and bool((file.data or b"").decode())
    except UnicodeDecodeError:
        return False


def _acts_when_opened(path: str) -> bool:
    parts = [part.casefold() for part in path.split("/")]
    return parts[-1] in OPENED_FILES or not set(OPENED_FOLDERS).isdisjoint(parts[:-1])


def _leads_out(path: str, target: str) -> bool:
    resolved = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return target.startswith("/") or resolved == ".." or resolved.startswith("../")
