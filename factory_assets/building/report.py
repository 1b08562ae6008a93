"""What a build did, as the asset shows it: phases, verdicts, tokens, seconds and what shipped."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.acceptance import Acceptance, ScenarioResult
from factory_assets.domain.builds import GateVerdict, PhaseRecord, Usage
from factory_assets.domain.provenance import Provenance, TagRecord
from factory_assets.domain.readings import ReadingCounts


class BuildReport(BaseModel):
    """One run's work on one spec. `phases` and `usage` are of this run; resumed phases are in the journal.

    `verdicts` holds the latest verdict of each gate, also of phases that an earlier run had finished, because
    they are judged again. `commit`, `tests_executed`, `lines_of_code` and the two records of where the repo comes
    from are 0 or None until the repo ships.
    `acceptance` is what was agreed that the repo has to do, and `scenarios` what it came to when it was judged last.
    `protections` says what contained the untrusted commands; empty when nothing did. `transcripts` are the files
    that hold what the agents of this run said and did. `reading` counts the reader's
    findings; None where it was not asked.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    attempts: int
    phases: tuple[PhaseRecord, ...] = ()
    verdicts: tuple[GateVerdict, ...] = ()
    usage: Usage = Usage()
    seconds: float = 0.0
    agent_seconds: float = 0.0
    commit: str | None = None
    tests_executed: int = 0
    lines_of_code: int = 0
    protections: tuple[str, ...] = ()
    transcripts: tuple[Path, ...] = ()
    reading: ReadingCounts | None = None
    acceptance: Acceptance | None = None
    scenarios: tuple[ScenarioResult, ...] = ()
    provenance: Provenance | None = None
    tag_record: TagRecord | None = None
