"""Putting one phase's commit before its gates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from factory_assets.build.gates.build import judge_sources, judge_tests_present
from factory_assets.build.gates.documents import judge_documents, judge_sources_unchanged
from factory_assets.build.gates.tests_run import TestGate
from factory_assets.build.gates.tree import judge_secrets, judge_tree
from factory_assets.build.git import BareRepo
from factory_assets.build.workspaces import fresh_folder, remove_folder
from factory_assets.domain.agents import CommandRunner
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language


@dataclass(frozen=True)
class Judgement:
    """What the gates of one phase decided. `tests_executed` is 0 but after the review."""

    verdicts: tuple[GateVerdict, ...]
    tests_executed: int = 0

    @property
    def refused(self) -> tuple[GateVerdict, ...]:
        """The verdicts of the gates that did not pass."""
        return tuple(verdict for verdict in self.verdicts if not verdict.passed)


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Judges commits of one repo. `scratch` is where fresh clones are made."""

    repo: BareRepo
    language: Language
    commands: CommandRunner
    scratch: Path
    gate_seconds: float
    secrets: tuple[str, ...]

    def judge(self, phase: Phase, *, before: str, commit: str) -> Judgement:
        """Judge what a phase made of `before`.

        Raises:
            InfrastructureError: when a gate cannot be run.
        """
        old, new = self.repo.tree(before), self.repo.tree(commit)
        always = (judge_tree(phase, new), judge_secrets(phase, new, self.secrets))
        if not all(verdict.passed for verdict in always):
            return Judgement(always)
        match phase:
            case Phase.BUILD:
                own = (judge_sources(self.language, old, new), judge_tests_present(self.language, old, new))
                return Judgement(always + own)
            case Phase.SEO:
                return Judgement((*always, judge_documents(new), judge_sources_unchanged(old, new)))
            case Phase.REVIEW:
                return self._run_tests(always, commit)

    def _run_tests(self, always: tuple[GateVerdict, ...], commit: str) -> Judgement:
        clone = fresh_folder(self.scratch / "clone")
        try:
            self.repo.clone(commit, clone)
            result = TestGate(
                language=self.language, clone=clone, commands=self.commands, seconds=self.gate_seconds
            ).judge()
        finally:
            remove_folder(clone)
        return Judgement(always + result.verdicts, result.tests_executed)
