"""What is known of one attempt while it runs: its place, its report so far, and how it speaks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from factory_assets.building.acceptance import Acceptor
from factory_assets.building.config import BuildConfig, BuildJob
from factory_assets.building.git import BareRepo
from factory_assets.building.reader import Reader
from factory_assets.building.report import BuildReport
from factory_assets.domain.acceptance import Acceptance, ScenarioResult
from factory_assets.domain.agents import AgentRunner, CommandRunner
from factory_assets.domain.builds import GateVerdict, Phase, PhaseRecord, Usage
from factory_assets.domain.papers import paper_url
from factory_assets.domain.ports import BuildJournal, BuildLedger
from factory_assets.domain.readings import Reading
from factory_assets.domain.redaction import Redactor
from factory_assets.domain.specs import QueuedSpec
from factory_assets.gates import names_after


@dataclass(frozen=True, kw_only=True)
class Books:
    """Where a build writes down what it does. `clean` takes the factory's own secrets out of a text."""

    journal: BuildJournal
    clock: Callable[[], datetime]
    clean: Redactor


@dataclass(frozen=True, kw_only=True)
class Tools(Books):
    """What an attempt works with.

    `reader` reads what is to ship; None where no repo is read. `acceptor` says before a build what the repo has to do;
    None where nobody does.
    """

    agents: AgentRunner
    commands: CommandRunner
    ledger: BuildLedger
    report: Callable[[str], None]
    reader: Reader | None = None
    acceptor: Acceptor | None = None


class AttemptState:
    """One attempt at one claimed spec.

    Args:
        config: the instance's limits and places.
        job: the spec and its papers.
        queued: the spec as it was claimed, with this attempt's number.
        repo: its bare repository.
        scratch: an empty folder for the workspace and the clones.
        tools: agents, commands, journal, ledger.
    """

    def __init__(
        self,
        config: BuildConfig,
        job: BuildJob,
        *,
        queued: QueuedSpec,
        repo: BareRepo,
        scratch: Path,
        tools: Tools,
    ) -> None:
        self.config = config
        self.job = job
        self.queued = queued
        self.spec = queued.spec
        self.repo = repo
        self.scratch = scratch
        self.tools = tools
        self._started = time.monotonic()
        self._seconds_before = tools.ledger.spending(queued.id, queued.attempts).seconds
        self._verdicts: dict[str, GateVerdict] = {}
        self._acceptance = tools.journal.acceptance_of(queued.id)
        self._report = BuildReport(
            name=self.spec.name, attempts=queued.attempts, protections=tools.commands.protections
        )

    @property
    def workspace(self) -> Path:
        """Where the agents of this spec work."""
        return self.config.agent_workspace(self.spec.name)

    @property
    def seconds_left(self) -> float:
        """What is left of this build's wall clock, the agents' time in earlier runs of the attempt counted."""
        elapsed = self._seconds_before + time.monotonic() - self._started
        return self.config.build_seconds - elapsed

    @property
    def gate_seconds(self) -> float:
        """What one command of a gate may take: no longer than this build may last."""
        return max(1.0, min(self.config.gate_seconds, self.seconds_left))

    @property
    def acceptance(self) -> Acceptance | None:
        """What was agreed that the repo has to do; None where nothing was."""
        return self._acceptance

    def keep_acceptance(self, acceptance: Acceptance) -> None:
        """Keep what is agreed, or what is left of it after a dispute."""
        self.tools.journal.record_acceptance(self.queued.id, acceptance, now=self.tools.clock())
        self._acceptance = acceptance

    def keep_results(self, commit: str, phase: Phase, results: tuple[ScenarioResult, ...]) -> None:
        """Keep what the scenarios came to on a commit, and show it when the build has ended."""
        clean = tuple(
            result.model_copy(update={"happened": self.clean(result.happened)}) for result in results
        )
        self.tools.journal.record_results(
            self.queued.id,
            self.queued.attempts,
            commit=commit,
            phase=phase,
            results=clean,
            now=self.tools.clock(),
        )
        self._report = self._report.model_copy(update={"scenarios": clean})

    @property
    def waits(self) -> int:
        """How often it was put off since its last finished phase."""
        return 0 if self._report.phases else self.queued.waits

    def say(self, phase: Phase, line: str) -> None:
        """Tell whoever watches."""
        self.tools.report(f"{self.spec.name} {phase}: {line}")

    def clean(self, text: str) -> str:
        """Take the factory's own secrets out of what is logged and stored."""
        return self.tools.clean(text)

    def commit(self, workspace: Path, *, parent: str | None, title: str) -> str:
        """Commit what lies in the workspace."""
        return self.repo.commit(workspace, parent=parent, message=self.message(title), when=self.commit_time)

    def message(self, title: str) -> str:
        """A commit's message: its title, and the papers that the repo rests on."""
        papers = "\n".join(f"Paper: {paper_url(arxiv_id)}" for arxiv_id in self.spec.source_papers)
        return f"{title}\n\n{papers}\n" if papers else f"{title}\n"

    @property
    def commit_time(self) -> datetime:
        """The time of this attempt's commits, so that the same files give the same commit."""
        return self.queued.started_at or self.queued.queued_at

    def add_work(self, usage: Usage, seconds: float, transcript: Path | None) -> None:
        """Count what a session took, and where its conversation is kept."""
        kept = (transcript,) if transcript is not None and transcript.exists() else ()
        self._report = self._report.model_copy(
            update={
                "usage": self._report.usage + usage,
                "agent_seconds": self._report.agent_seconds + seconds,
                "transcripts": tuple(dict.fromkeys((*self._report.transcripts, *kept))),
            }
        )

    def add_phase(self, record: PhaseRecord) -> None:
        """Show a phase as done; a repair takes the place of the review that it fixed."""
        others = tuple(known for known in self._report.phases if known.phase is not record.phase)
        self._report = self._report.model_copy(update={"phases": (*others, record)})

    def add_reading(self, reading: Reading) -> None:
        """Show what the reader found; a later reading tells of the earlier ones as well."""
        self._report = self._report.model_copy(update={"reading": reading.counts})

    def judge_anew(self, phase: Phase) -> None:
        """Forget what this phase's gates said of an earlier commit: not all of them may come to speak again."""
        for gate in names_after(phase):
            self._verdicts.pop(gate, None)

    def take_verdicts(self, phase: Phase, verdicts: Sequence[GateVerdict]) -> None:
        """Record what gates decided, and tell it."""
        for verdict in verdicts:
            clean = verdict.model_copy(
                update={"saw": self.clean(verdict.saw), "fix": self.clean(verdict.fix)}
            )
            self._verdicts[clean.gate] = clean
            self.tools.journal.record_verdict(
                self.queued.id, self.queued.attempts, clean, now=self.tools.clock()
            )
            word = "passed" if clean.passed else "refused"
            self.say(phase, f"gate {clean.gate}: {word}: {clean.saw.partition(chr(10))[0]}")

    def recall_verdicts(self, verdicts: Sequence[GateVerdict]) -> None:
        """Take up what an earlier run of the attempt has recorded."""
        self._verdicts |= {verdict.gate: verdict for verdict in verdicts}

    @property
    def refused(self) -> tuple[GateVerdict, ...]:
        """The gates that refused, in the words that may be shown."""
        return tuple(verdict for verdict in self._verdicts.values() if not verdict.passed)

    @property
    def verdicts(self) -> tuple[GateVerdict, ...]:
        """The latest verdict of each gate."""
        return tuple(self._verdicts.values())

    def summary(self) -> BuildReport:
        """The report so far."""
        return self._report.model_copy(
            update={
                "verdicts": self.verdicts,
                "acceptance": self._acceptance,
                "seconds": time.monotonic() - self._started,
            }
        )
