"""Putting one phase's commit before its gates."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from factory_assets.building.git import BareRepo
from factory_assets.dependencies.online import Online
from factory_assets.dependencies.resolution import Resolution
from factory_assets.domain.agents import CommandRunner
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.indexes import PackageIndexes
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates import GATES, Context, Gate, gates_after
from factory_assets.gates.dependencies import resolve_dependencies
from factory_assets.gates.documents import DOCUMENT_NAMES
from factory_assets.gates.runs import Final, Resolved, Runs
from factory_assets.secret_scan.scanner import HistoryScanner

T = TypeVar("T")

Finish = Callable[[Resolved], Final]


@dataclass
class _Known:
    """What was found out of one code, which is a commit but for its documents; it is begun anew with another code.

    `trees` are those of the commits that the last context was of.
    """

    trees: dict[str, Tree] = field(default_factory=dict)
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
        accept: Callable[[Context], GateVerdict] | None = None,
    ) -> Context:
        """What the gates after a phase look at. `read` asks the reader of the commit, where there is one, and `accept`
        runs what was held out for it.

        `before` is the commit that the build phase left, for a review, and the one before the phase for the others.
        """
        known = self._known
        known.trees = {
            each: known.trees.get(each) or self.repo.tree(each)
            for each in dict.fromkeys((scaffold, before, commit))
        }
        tree = known.trees[commit]
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
            scaffold=known.trees[scaffold],
            before=known.trees[before],
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
            accept=accept,
            proved=known.proved,
        )


def judge(context: Context, gates: Sequence[Gate] = GATES) -> Iterator[GateVerdict]:
    """Ask the gates of the phase in order; where one refuses, none that needs dearer evidence or builds on it is asked.

    While one finds its verdict beside the others, those behind it are asked already, as far as their evidence is no
    dearer; what they say is told after it, and not at all where it rules them out.

    Raises:
        FactoryError: a gate could not be asked, and nothing is known.
    """
    asked = _Asked()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="gate") as beside:
        try:
            for gate in gates_after(context.phase, gates):
                yield from asked.told(before=gate)
                if asked.rules_out(gate) or not gate.asked(context):
                    continue
                try:
                    answer = _ask(gate, context)
                except (FactoryError, OSError):
                    yield from asked.told()
                    if asked.rules_out(gate):
                        return
                    raise
                asked.take(gate, answer if isinstance(answer, GateVerdict) else beside.submit(answer))
            yield from asked.told()
        finally:
            context.runs.close()


class _Asked:
    """The gates that were asked, in order: those that refused, and those whose verdict is not told yet."""

    def __init__(self) -> None:
        self._refused: list[Gate] = []
        self._untold: deque[tuple[Gate, GateVerdict | Future[GateVerdict]]] = deque()

    def take(self, gate: Gate, answer: GateVerdict | Future[GateVerdict]) -> None:
        """Add the next one, with its verdict or what it becomes."""
        self._untold.append((gate, answer))

    def rules_out(self, gate: Gate) -> bool:
        """Whether a gate is not asked any more, as far as is known."""
        known = [
            other for other, answer in self._untold if isinstance(answer, GateVerdict) and not answer.passed
        ]
        return any(_rules_out(other, gate) for other in (*self._refused, *known))

    def told(self, *, before: Gate | None = None) -> Iterator[GateVerdict]:
        """The verdicts that can be told before this gate is asked; with none, and before dearer evidence, all."""
        while self._untold:
            gate, answer = self._untold[0]
            if isinstance(answer, Future):
                if before is not None and before.needs.step <= gate.needs.step and not answer.done():
                    return
                answer = answer.result()
            self._untold.popleft()
            if any(_rules_out(other, gate) for other in self._refused):
                continue
            if not answer.passed:
                self._refused.append(gate)
            yield answer


def _rules_out(refused: Gate, gate: Gate) -> bool:
    """Whether a gate is not asked any more, now that another one has refused."""
    if refused.name in gate.unless_refused or gate.needs.step > refused.needs.step:
        return True
    return refused.is_final and not gate.is_final


def _ask(gate: Gate, context: Context) -> GateVerdict | Callable[[], GateVerdict]:
    """A gate's verdict, or the one that it has passed of the same code, or what finds it beside other gates."""
    before = context.proved.get(gate.name) if gate.of_code else None
    if before is not None:
        saw = f"{before.saw}, as seen after {before.phase}: the code is the same"
        return before.model_copy(update={"phase": context.phase, "saw": saw})
    answer = _judged(gate, context, lambda: gate.judge(context))
    if not isinstance(answer, GateVerdict):
        return partial(_judged, gate, context, answer)
    if gate.of_code and answer.passed:
        context.proved[gate.name] = answer
    return answer


def _judged(gate: Gate, context: Context, judging: Callable[[], GateVerdict | T]) -> GateVerdict | T:
    """What judging gives; a tree that it stumbles over is refused.

    Otherwise the same commit would be judged, and fail to be judged, for ever.
    """
    try:
        answer = judging()
    except (FactoryError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - the tree is hostile: whatever it does to a reader is a refusal
        answer = GateVerdict(
            gate=gate.name,
            phase=context.phase,
            passed=False,
            saw=f"the gate cannot read this tree: {type(error).__name__}: {error}",
            fix="Build the repo again; its last state is kept under refs/factory/failed.",
        )
    if not isinstance(answer, GateVerdict):
        return answer
    return answer.model_copy(update={"gate": gate.name, "phase": context.phase})
