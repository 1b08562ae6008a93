"""What a gate is, and what it is given to judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.runs import Runs
from factory_assets.secret_scan.scanner import HistoryScanner


class Needs(StrEnum):
    """The kind of evidence that a gate decides by."""

    TREE = "facts of the tree"
    COMPARE = "the difference between two trees"
    NETWORK = "the package registries"
    RUN = "runs in a fresh clone"
    READ = "a reader"

    @property
    def step(self) -> int:
        """How dear the evidence is: where a gate refused, none of a later step is asked."""
        return _STEPS[self]


_STEPS = {
    Needs.TREE: 0,
    Needs.COMPARE: 0,
    Needs.NETWORK: 1,
    Needs.RUN: 2,
    Needs.READ: 3,
}


@dataclass(frozen=True, kw_only=True)
class Context:
    """One phase's commit, and all that a gate may ask about it.

    `scaffold` is the tree that the build phase started from. `before` is what a phase is compared with: the tree that
    the build phase left, for a review, and the tree before the phase for the others. `git_dir` is the repository that
    holds `commit` and its history. `runs` makes what running gives when a gate first asks for it. `read` has the commit
    read by a model that has not written it, and `accept` runs what was held out for it; where one is None, nobody is to
    ask it, and its gates are left out.
    `proved` is what gates that are `of_code` have passed of the same code before, by their names.
    """

    phase: Phase
    language: Language
    scaffold: Tree
    before: Tree
    tree: Tree
    git_dir: Path
    commit: str
    scanner: HistoryScanner
    runs: Runs
    read: Callable[[], GateVerdict] | None = None
    accept: Callable[[Context], GateVerdict] | None = None
    proved: dict[str, GateVerdict] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One row of the table of gates.

    `after` are the phases whose commits it judges; `says` is its description in the UI. `judge` may raise a
    FactoryError where nothing could be found out. What it returns instead of a verdict is called in a thread of its
    own, beside the gates that follow; such a gate is final, and runs nothing of the repo. A refusal of a gate that
    `is_final` is never handed back to an agent, and no other kind of gate is asked after it. Where one of those in
    `unless_refused` refused, nothing is left to ask. A gate may have several rows, each with other evidence; the
    verdict of the last one that was asked counts. What one that is `of_code` has passed stands while nothing but
    documents changes, and is not shown again. Where `asked` says no, it has nothing to judge by.
    """

    name: str
    after: tuple[Phase, ...]
    needs: Needs
    judge: Callable[[Context], GateVerdict | Callable[[], GateVerdict]]
    says: str
    is_final: bool = False
    unless_refused: tuple[str, ...] = ()
    of_code: bool = False
    asked: Callable[[Context], bool] = lambda _: True
