"""Gates of every phase's commit: nothing that points out of the repo, nothing huge, no secret.

Every phase's commit ships as history, so each is looked at, not only the last.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from factory_assets.build.gates import SECRETS, TREE_SAFE
from factory_assets.build.tree import SYMLINK, Tree
from factory_assets.domain.builds import GateVerdict, Phase

LARGEST_FILE = 2_000_000
MOST_FILES = 500
SHORTEST_SECRET = 8


def judge_tree(phase: Phase, tree: Tree) -> GateVerdict:
    """Refuse symlinks that lead out of the repo, files over 2 MB, and more than 500 files."""
    faults = [
        f"{path} is a link to {(file.data or b'').decode(errors='replace')}, outside the repo"
        for path, file in tree.items()
        if file.mode == SYMLINK and _leads_out(path, (file.data or b"..").decode(errors="replace"))
    ]
    faults += [f"{path} has {file.size:,} bytes" for path, file in tree.items() if file.size > LARGEST_FILE]
    if len(tree) > MOST_FILES:
        faults.append(f"{len(tree)} files")
    return GateVerdict(
        gate=TREE_SAFE,
        phase=phase,
        passed=not faults,
        saw="; ".join(faults) if faults else f"{len(tree)} files, no link out of the repo",
        mend="Build the repo again; see the commit kept under refs/factory/failed." if faults else "",
    )


def judge_secrets(phase: Phase, tree: Tree, secrets: Sequence[str]) -> GateVerdict:
    """Refuse a file or file name that holds one of the factory's own secrets, word for word."""
    values = [secret.encode() for secret in secrets if len(secret) >= SHORTEST_SECRET]
    # The name of a file could hold the secret too, so what is shown is counted, and a clean name only.
    leaks = [
        path
        for path, file in tree.items()
        if any(value in path.encode() or value in (file.data or b"") for value in values)
    ]
    named = [path for path in leaks if not any(value in path.encode() for value in values)]
    return GateVerdict(
        gate=SECRETS,
        phase=phase,
        passed=not leaks,
        saw=f"a secret of this machine in {', '.join(named) or 'a file name'}"
        if leaks
        else "no secret of this machine in any file",
        mend="Change that credential at once: untrusted code has seen it." if leaks else "",
    )


def _leads_out(path: str, target: str) -> bool:
    resolved = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return target.startswith("/") or resolved == ".." or resolved.startswith("../")
