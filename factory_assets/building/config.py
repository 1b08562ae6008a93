"""What a build is told: the limits and places of the instance, and the job at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.domain.agents import Route
from factory_assets.domain.builds import BudgetLimits, Phase, turn_limit
from factory_assets.domain.evidence import SpecEvidence
from factory_assets.domain.indexes import Indexes, PackageIndexes
from factory_assets.domain.papers import Paper
from factory_assets.domain.specs import QueuedSpec, Spec

# The seo phase only writes documents, so it gets no shell.
TOOLS: Mapping[Phase, tuple[str, ...] | None] = {
    Phase.BUILD: None,
    Phase.SEO: ("Read", "Write", "Edit", "Glob", "Grep"),
    Phase.REVIEW: None,
}


@dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """Places, models and limits. Times are seconds.

    `build_turns` of None means by estimated lines. `author` is `Name <mail>` of commits; `owner` the copyright
    holder. `repair_rounds` is how often the agent of a phase may fix what its gates refused, `build_seconds`
    the wall-clock limit of all phases together.
    """

    git_dir: Path
    workspaces_dir: Path
    transcripts_dir: Path
    locks_dir: Path
    prompts_dir: Path
    author: str
    owner: str
    models: Mapping[Phase, str]
    build_turns: int | None
    seo_turns: int
    review_turns: int
    limits: BudgetLimits
    repair_rounds: int
    phase_seconds: float
    build_seconds: float
    gate_seconds: float
    route: Route
    claude_code_version: str
    factory_version: str
    indexes: PackageIndexes = field(default_factory=Indexes)

    def transcript(self, name: str, attempt: int, phase: Phase) -> Path:
        """A file for the next session of a phase of that repo, none of which there is yet."""
        number = 1
        while (path := self.transcripts_dir / name / f"{attempt}-{phase}-{number}.jsonl").exists():
            number += 1
        return path

    def agent_workspace(self, name: str) -> Path:
        """The folder that an agent works in, for the repo of that name."""
        return self.workspaces_dir / name / "work"

    def turns(self, phase: Phase, spec: Spec) -> int:
        """The turn limit of a phase."""
        match phase:
            case Phase.BUILD:
                return self.build_turns or turn_limit(spec.estimated_lines)
            case Phase.SEO:
                return self.seo_turns
            case Phase.REVIEW:
                return self.review_turns


@dataclass(frozen=True, kw_only=True)
class BuildJob:
    """One spec to build. `papers` are its sources, `evidence` what it rests on; `partition` goes into the ledger."""

    queued: QueuedSpec
    papers: tuple[Paper, ...]
    run_id: str
    partition: str
    evidence: SpecEvidence | None = None
