"""The gate of every phase that keeps secrets in: what it refuses is never pushed anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.trees import Tree
from factory_assets.gates.names import SECRETS
from factory_assets.secret_scan.scanner import HistoryScanner, Leak, describe_secrets


def judge_secrets(
    phase: Phase, git_dir: Path, commit: str, tree: Tree, scanner: HistoryScanner
) -> GateVerdict:
    """Refuse a commit in whose history stands a secret: in a file, packed in one, in a name or in a message.

    Raises:
        InfrastructureError: the history could not be scanned, which is no pass.
    """
    return _judged(phase, tree, scanner.scan(git_dir, commit))


def judge_secrets_quickly(
    phase: Phase, git_dir: Path, commit: str, tree: Tree, scanner: HistoryScanner
) -> GateVerdict:
    """The same at first sight, for a commit that goes nowhere yet; the last gate looks thoroughly.

    Raises:
        InfrastructureError: the history could not be scanned, which is no pass.
    """
    return _judged(phase, tree, scanner.scan_quickly(git_dir, commit))


def _judged(phase: Phase, tree: Tree, leaks: Sequence[Leak]) -> GateVerdict:
    if not leaks:
        saw = f"no secret in {len(tree)} files, nor in any commit before"
        return GateVerdict(gate=SECRETS, phase=phase, passed=True, saw=saw, fix="")
    return GateVerdict(gate=SECRETS, phase=phase, passed=False, saw=describe_secrets(leaks), fix=_fix(leaks))


def _fix(leaks: Sequence[Leak]) -> str:
    if any(leak.is_own for leak in leaks):
        return (
            "Change that credential of the factory at once: untrusted code has seen it. Then build the repo again;"
            " the refused commit is kept under refs/factory/failed and is never pushed."
        )
    return (
        "Build the repo again; the refused commit is kept under refs/factory/failed and is never pushed. If the"
        " value is real, whoever it belongs to must change it. Where a test needs one, it takes a published example,"
        " such as that of jwt.io, or a key's prefix followed by one letter many times."
    )
