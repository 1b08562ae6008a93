"""Judging a tree by the gate on harm alone, contained: what is judged here harms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from claude_code_sandboxes import bubblewrap
from gate_material import clone, provide, scaffold, tree
from gate_material import repo as good_repo

from factory_assets.building.judge import judge
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates import GATES, Context
from factory_assets.gates.names import HARMLESS
from factory_assets.gates.runs import Final, Resolved, Runs
from factory_assets.sandbox import default_toolchains
from factory_assets.secret_scan.scanner import HistoryScanner


@dataclass(frozen=True)
class _Dependencies:
    """Those that the scaffold of the language has."""

    language: Language
    verdict: GateVerdict = field(default_factory=lambda: cast("GateVerdict", None))
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def folders(self) -> dict[str, Path]:
        return {"node_modules": Path()} if self.language is Language.TYPESCRIPT else {}

    def provide(self, folder: Path) -> dict[str, str]:
        provide(self.language, folder)
        return {}


def reviewed(language: Language, files: Tree, scratch: Path) -> Context:
    """What the gates after a review are asked about."""

    def finish(_: Resolved) -> Final:
        def lay_out(folder: Path) -> None:
            clone(folder, files)

        return Final(commit="0" * 40, tree=files, lay_out=lay_out)

    runs = Runs(
        language=language,
        commands=bubblewrap(toolchains=default_toolchains()),
        scratch=scratch,
        seconds=lambda: 120.0,
        resolve=lambda: _Dependencies(language),
        finish=finish,
    )
    return Context(
        phase=Phase.REVIEW,
        language=language,
        scaffold=tree(scaffold(language)),
        before=files,
        tree=files,
        git_dir=scratch,
        commit="0" * 40,
        scanner=cast("HistoryScanner", None),
        runs=runs,
    )


def harm_verdicts(language: Language, files: Tree, scratch: Path) -> Iterator[GateVerdict]:
    """What the rows of the gate say after a review, until one refuses."""
    rows = [gate for gate in GATES if gate.name == HARMLESS]
    return judge(reviewed(language, files, scratch), rows)


def harm(language: Language, changes: dict[str, str | None], scratch: Path) -> GateVerdict:
    """The last verdict on a good repo with changes."""
    return list(harm_verdicts(language, good_repo(language, changes), scratch))[-1]
