"""Putting one phase's commit before its gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from factory_assets.build.git import BareRepo
from factory_assets.build.provenance import judge_provenance
from factory_assets.build.sealing import Seal
from factory_assets.dependencies import Online, Resolution, resolve_dependencies
from factory_assets.domain.agents import CommandRunner
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.indexes import PackageIndexes
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.folders import fresh_folder, remove_folder
from factory_assets.gates import (
    DEPENDENCIES,
    DOCUMENTS,
    PLACEHOLDERS,
    REVIEW_BOUNDS,
    SOURCES,
    TEST_TARGET,
    TESTS_NOTICE,
    TESTS_PASS,
    TESTS_PRESENT,
)
from factory_assets.gates.build import judge_sources, judge_tests_present
from factory_assets.gates.checkout import GO_CACHE
from factory_assets.gates.documents import judge_documents
from factory_assets.gates.documents_run import run_documented_commands
from factory_assets.gates.go_cache import GoCache, go_cache_folder
from factory_assets.gates.mutation import judge_mutations
from factory_assets.gates.placeholders import judge_placeholders
from factory_assets.gates.review_bounds import judge_review
from factory_assets.gates.secrets import judge_secrets, judge_secrets_quickly
from factory_assets.gates.test_target import judge_test_target
from factory_assets.gates.tests_run import ReviewResult, TestGate
from factory_assets.gates.tree import judge_tree
from factory_assets.leaks.scanner import HistoryScanner

Verdicts = tuple[GateVerdict, ...]


@dataclass(frozen=True)
class Proof:
    """What running a sealed commit showed."""

    verdicts: Verdicts
    tests_executed: int


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Judges commits of one repo. `scratch` is where fresh clones are made.

    Every method may raise InfrastructureError: a gate could not be run, and nothing is known.
    """

    repo: BareRepo
    language: Language
    commands: CommandRunner
    scanner: HistoryScanner
    indexes: PackageIndexes
    scratch: Path
    gate_seconds: float

    def judge(self, phase: Phase, *, scaffold: str, before: str, commit: str) -> Verdicts:
        """Judge what a phase made, without running it. `before` is what the build phase left for a review, and
        the phase before for the others.

        What is not safe, or holds a secret, is looked at no further.
        """
        first, old, new = (self.repo.tree(each) for each in (scaffold, before, commit))
        always = (
            judge_tree(phase, new),
            judge_secrets_quickly(phase, self.repo.path, commit, new, self.scanner),
        )
        if not all(verdict.passed for verdict in always):
            return always
        return always + self._own_gates(phase, first, old, new)

    def resolve(self, commit: str) -> Resolution:
        """Judge, lock and fetch what a commit's code imports: the only step with network."""
        online = Online(
            commands=self.commands,
            scratch=self.scratch / "dependencies",
            indexes=self.indexes,
            seconds=self.gate_seconds,
        )
        tree = self.repo.tree(commit)
        try:
            return resolve_dependencies(self.language, tree, online)
        except (FactoryError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - as in _read
            return Resolution(verdict=_unreadable(DEPENDENCIES, Phase.REVIEW, error))

    def prove(self, seal: Seal, resolution: Resolution, documents: GateVerdict) -> Proof:
        """Judge the commit that is to ship by running it in a fresh clone, without network.

        `documents` is the verdict on the documents so far: the commands that they name are run now. Where the tests
        do not pass, nothing more is run.
        """
        clone, tree = fresh_folder(self.scratch / "clone"), self.repo.tree(seal.commit)
        try:
            self.repo.clone(seal.commit, clone)
            if self.language is Language.GO:
                library = GoCache(
                    commands=self.commands, folder=go_cache_folder(), scratch=self.scratch / "go-library"
                )
                library.copy_to(clone / GO_CACHE)
            env = resolution.provide(clone)
            tests = self._run_tests(clone, tree, env, tuple(resolution.folders))
            verdicts: Verdicts = (
                judge_secrets(Phase.REVIEW, self.repo.path, seal.commit, tree, self.scanner),
                *tests.verdicts,
                judge_provenance(tree, seal.provenance),
            )
            if all(verdict.passed for verdict in tests.verdicts):
                mutations = _read(
                    TESTS_NOTICE,
                    Phase.REVIEW,
                    lambda: judge_mutations(
                        language=self.language,
                        clone=clone,
                        tree=tree,
                        commands=self.commands,
                        seed=seal.commit,
                        env=env,
                        folders=tuple(resolution.folders),
                    ),
                )
                documented = _read(
                    DOCUMENTS, Phase.REVIEW, lambda: self._run_documents(clone, tree, documents, env)
                )
                verdicts += (mutations, documented)
        finally:
            remove_folder(clone)
        return Proof(verdicts, tests.tests_executed)

    def _run_tests(
        self, clone: Path, tree: Tree, env: Mapping[str, str], folders: tuple[str, ...]
    ) -> ReviewResult:
        gate = TestGate(
            language=self.language,
            clone=clone,
            tree=tree,
            commands=self.commands,
            seconds=self.gate_seconds,
            env=env,
            folders=folders,
        )
        try:
            return gate.judge()
        except (FactoryError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - as in _read
            return ReviewResult((_unreadable(TESTS_PASS, Phase.REVIEW, error),), 0)

    def _run_documents(
        self, clone: Path, tree: Tree, documents: GateVerdict, env: Mapping[str, str]
    ) -> GateVerdict:
        faults = run_documented_commands(
            language=self.language,
            clone=clone,
            tree=tree,
            commands=self.commands,
            seconds=self.gate_seconds,
            env=env,
        )
        if not faults:
            return documents
        mend = "Build the repo again: its documents name commands that do not work as they say."
        return documents.model_copy(update={"passed": False, "saw": "\n".join(faults), "mend": mend})

    def _own_gates(self, phase: Phase, scaffold: Tree, before: Tree, tree: Tree) -> Verdicts:
        match phase:
            case Phase.BUILD:
                gates: dict[str, Callable[[], GateVerdict]] = {
                    SOURCES: lambda: judge_sources(self.language, scaffold, tree),
                    TESTS_PRESENT: lambda: judge_tests_present(self.language, scaffold, tree),
                    PLACEHOLDERS: lambda: judge_placeholders(self.language, tree, scaffold),
                    TEST_TARGET: lambda: judge_test_target(self.language, tree, scaffold),
                }
            case Phase.SEO:
                gates = {
                    DOCUMENTS: lambda: judge_documents(phase, self.language, tree, scaffold),
                }
            case Phase.REVIEW:
                gates = {
                    REVIEW_BOUNDS: lambda: judge_review(self.language, built=before, tree=tree),
                    DOCUMENTS: lambda: judge_documents(phase, self.language, tree, scaffold),
                }
        return tuple(_read(gate, phase, judge) for gate, judge in gates.items())


def _read(gate: str, phase: Phase, judge: Callable[[], GateVerdict]) -> GateVerdict:
    """A gate's verdict; a tree that it stumbles over is refused.

    Otherwise the same commit would be judged, and fail to be judged, for ever.
    """
    try:
        return judge()
    except (FactoryError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - the tree is hostile: whatever it does to a reader is a refusal
        return _unreadable(gate, phase, error)


def _unreadable(gate: str, phase: Phase, error: Exception) -> GateVerdict:
    return GateVerdict(
        gate=gate,
        phase=phase,
        passed=False,
        saw=f"the gate cannot read this tree: {type(error).__name__}: {error}",
        mend="Build the repo again; its last state is kept under refs/factory/failed.",
    )
