"""Putting one phase's commit before its gates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.build.git import BareRepo
from factory_assets.dependencies.online import Online
from factory_assets.dependencies.resolution import Resolution
from factory_assets.domain.agents import CommandRunner
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.indexes import PackageIndexes
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates import GATES, Context, Gate, Needs, gates_after
from factory_assets.gates.dependencies import resolve_dependencies
from factory_assets.gates.documents import DOCUMENT_NAMES
from factory_assets.gates.runs import Final, Resolved, Runs
from factory_assets.leaks.scanner import HistoryScanner

Finish = Callable[[Resolved], Final]


@dataclass
class _Known:
    """What was found out of one code, which is a commit but for its documents; it is begun anew with another code."""

    code: frozenset[tuple[str, str, str]] = frozenset()
    resolution: Resolution | None = None
    proved: dict[str, GateVerdict] = field(default_factory=dict)

    def turn_to(self, tree: Tree) -> None:
        code = frozenset(
            (path, file.mode, file.blob) for path, file in tree.items() if path not in DOCUMENT_NAMES
        )
        if code != self.code:
            self.code, self.resolution, self.proved = code, None, {}


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Judges commits of one repo. `scratch` is where fresh clones are made, `seconds` what one command may take."""

    repo: BareRepo
    language: Language
    commands: CommandRunner
    scanner: HistoryScanner
    indexes: PackageIndexes
    scratch: Path
    _known: _Known = field(default_factory=_Known, init=False)

    def context(
        self,
        phase: Phase,
        *,
        scaffold: str,
        before: str,
        commit: str,
        finish: Finish,
        seconds: Callable[[], float],
        read: Callable[[], GateVerdict] | None = None,
    ) -> Context:
        """What the gates after a phase look at. `read` asks the reader of the commit, where there is one.

        `before` is the commit that the build phase left, for a review, and the one before the phase for the others.
        """
        tree, known = self.repo.tree(commit), self._known
        known.turn_to(tree)

        def resolve() -> Resolution:
            if known.resolution is None:
                online = Online(
                    commands=self.commands,
                    scratch=self.scratch / "dependencies",
                    indexes=self.indexes,
                    seconds=seconds(),
                )
                known.resolution = resolve_dependencies(self.language, tree, online)
            return known.resolution

        return Context(
            phase=phase,
            language=self.language,
            scaffold=self.repo.tree(scaffold),
            before=self.repo.tree(before),
            tree=tree,
            git_dir=self.repo.path,
            commit=commit,
            scanner=self.scanner,
            runs=Runs(
                language=self.language,
                commands=self.commands,
                scratch=self.scratch,
                seconds=seconds,
                resolve=resolve,
                finish=finish,
            ),
            read=read,
            proved=known.proved,
        )


def judge(context: Context, gates: Sequence[Gate] = GATES) -> Iterator[GateVerdict]:
    """Ask the gates of the phase in order; where one refuses, none that needs dearer evidence or builds on it is asked.

    Raises:
        FactoryError: a gate could not be asked, and nothing is known.
    """
    refused: list[Gate] = []
    try:
        for gate in gates_after(context.phase, gates):
            if any(_rules_out(other, gate) for other in refused):
                continue
            if gate.needs is Needs.READ and context.read is None:
                continue
            verdict = _asked(gate, context)
            if not verdict.passed:
                refused.append(gate)
            yield verdict
    finally:
        context.runs.close()


def _rules_out(refused: Gate, gate: Gate) -> bool:
    """Whether a gate is not asked any more, now that another one has refused."""
    if refused.name in gate.unless_refused or gate.needs.step > refused.needs.step:
        return True
    return refused.is_final and not gate.is_final


def _asked(gate: Gate, context: Context) -> GateVerdict:
    """A gate's verdict, or the one that it has passed of the same code."""
    before = context.proved.get(gate.name) if gate.of_code else None
    if before is not None:
        saw = f"{before.saw}, as seen after {before.phase}: the code is the same"
        return before.model_copy(update={"phase": context.phase, "saw": saw})
    verdict = _ask(gate, context)
    if gate.of_code and verdict.passed:
        context.proved[gate.name] = verdict
    return verdict


def _ask(gate: Gate, context: Context) -> GateVerdict:
    """A gate's verdict; a tree that it stumbles over is refused.

    Otherwise the same commit would be judged, and fail to be judged, for ever.
    """
    try:
        verdict = gate.judge(context)
    except (FactoryError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - the tree is hostile: whatever it does to a reader is a refusal
        verdict = GateVerdict(
            gate=gate.name,
            phase=context.phase,
            passed=False,
            saw=f"the gate cannot read this tree: {type(error).__name__}: {error}",
            mend="Build the repo again; its last state is kept under refs/factory/failed.",
        )
    return verdict.model_copy(update={"gate": gate.name, "phase": context.phase})
