"""What a recording holds: the scripted turns of an agent, the answers of an analysis, and faults."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    model_validator,
)

from factory_assets.domain.acceptance import NOTHING_AGREED, Contract, Scenario, ScenarioFile
from factory_assets.domain.builds import Phase
from factory_assets.domain.evidence import ClaimKind
from factory_assets.domain.readings import Finding
from factory_assets.domain.specs import RepoName, Spec

WORKSPACE = "{workspace}"


class _Recorded(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _path_in_workspace(path: str) -> str:
    if not path.startswith((f"{WORKSPACE}/", "/")):
        raise ValueError(f"Claude Code wants absolute paths: write it as {WORKSPACE}/{path}")
    return path


WorkspacePath = Annotated[str, AfterValidator(_path_in_workspace)]


class WriteInput(_Recorded):
    """Input of Claude Code's Write tool: a whole file."""

    file_path: WorkspacePath
    content: str


class EditInput(_Recorded):
    """Input of Claude Code's Edit tool. The same conversation must have read or written the file before."""

    file_path: WorkspacePath
    old_string: str
    new_string: str
    replace_all: bool = False


class ReadInput(_Recorded):
    """Input of Claude Code's Read tool; `offset` and `limit` are lines."""

    file_path: WorkspacePath
    offset: int | None = None
    limit: int | None = None


class BashInput(_Recorded):
    """Input of Claude Code's Bash tool; `timeout` is in milliseconds."""

    command: str = Field(min_length=1)
    description: str | None = None
    timeout: int | None = None
    run_in_background: bool | None = None


class WriteCall(_Recorded):
    """The model writes a file."""

    tool: Literal["Write"]
    input: WriteInput


class EditCall(_Recorded):
    """The model replaces a text in a file."""

    tool: Literal["Edit"]
    input: EditInput


class ReadCall(_Recorded):
    """The model reads a file."""

    tool: Literal["Read"]
    input: ReadInput


class BashCall(_Recorded):
    """The model runs a command."""

    tool: Literal["Bash"]
    input: BashInput


class OtherCall(_Recorded):
    """A call of any other tool, passed on as it is."""

    tool: str = Field(min_length=1)
    input: dict[str, JsonValue]


_KNOWN_TOOLS = frozenset({"Write", "Edit", "Read", "Bash"})


def _tool_tag(value: object) -> str:
    tool = value.get("tool") if isinstance(value, dict) else getattr(value, "tool", None)
    return tool if isinstance(tool, str) and tool in _KNOWN_TOOLS else "other"


Call = Annotated[
    Annotated[WriteCall, Tag("Write")]
    | Annotated[EditCall, Tag("Edit")]
    | Annotated[ReadCall, Tag("Read")]
    | Annotated[BashCall, Tag("Bash")]
    | Annotated[OtherCall, Tag("other")],
    Discriminator(_tool_tag),
]


class RecordedFault(_Recorded):
    """What goes wrong with a turn's answer, for tests.

    `times` is how often the same turn goes wrong before it is answered well; None is for ever.
    `cut_after_events` drops the connection after that many stream events; `malformed_event` breaks the JSON
    of the event of that number, counted from 0.
    """

    http_status: int | None = Field(None, ge=400, le=599)
    error_type: str | None = None
    message: str = "This answer fails on purpose."
    headers: dict[str, str] = Field(default_factory=dict)
    delay_seconds: float = Field(0.0, ge=0)
    cut_after_events: int | None = Field(None, ge=0)
    malformed_event: int | None = Field(None, ge=0)
    times: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _does_something(self) -> RecordedFault:
        kinds = (self.http_status, self.cut_after_events, self.malformed_event, self.delay_seconds or None)
        if all(kind is None for kind in kinds):
            raise ValueError("a fault needs http_status, delay_seconds, cut_after_events or malformed_event")
        return self


class RecordedTurn(_Recorded):
    """One answer of the model: text, tool calls, or both.

    `stop_reason` is by default tool_use where there are calls and end_turn where there are none.
    """

    say: str = ""
    calls: tuple[Call, ...] = ()
    stop_reason: str | None = None
    fault: RecordedFault | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> RecordedTurn:
        if not self.say and not self.calls and self.fault is None:
            raise ValueError("a turn needs say, calls or a fault")
        return self


Turns = Annotated[tuple[RecordedTurn, ...], Field(min_length=1)]


class RecordedFinding(_Recorded):
    """A finding of the reader: told of every tree in whose files its quote stands, until `fixed_by` stands there too.

    `confirmed` is what the reader says when it is asked again, `upheld` when an agent has disputed it.
    """

    finding: Finding
    confirmed: bool = True
    upheld: bool = True
    fixed_by: str | None = None


class RecordedReading(_Recorded):
    """What the reader answers about one repo. `read` and `confirm` are turns that answer instead, word for word."""

    findings: tuple[RecordedFinding, ...] = ()
    read: Turns | None = None
    confirm: Turns | None = None


class RecordedScenario(_Recorded):
    """A scenario, and what the model comes to when it works it out; what it asks for where that is not recorded.

    `upheld` is what the reader says when the builder has disputed it.
    """

    scenario: Scenario
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    files: tuple[ScenarioFile, ...] = ()
    upheld: bool = True


class Agreement(_Recorded):
    """What the model agrees on for one repo. `accept` and `solve` are turns that answer instead, word for word."""

    contract: Contract = NOTHING_AGREED.contract
    scenarios: tuple[RecordedScenario, ...] = ()
    accept: Turns | None = None
    solve: Turns | None = None


class Conversation(_Recorded):
    """What the model does in each phase of one repo's build, and where gates hand something back to it.

    Without `repair` it changes nothing there, without `reader` it finds nothing wrong with the repo, and without
    `acceptance` it writes no scenario.
    """

    repo: RepoName
    build: Turns | None = None
    seo: Turns | None = None
    review: Turns | None = None
    repair: Turns | None = None
    reader: RecordedReading = RecordedReading()
    acceptance: Agreement = Agreement()

    @model_validator(mode="after")
    def _has_a_phase(self) -> Conversation:
        if self.build is None and self.seo is None and self.review is None:
            raise ValueError("a conversation needs turns under build, seo or review")
        return self

    def turns(self, phase: Phase) -> tuple[RecordedTurn, ...] | None:
        """The turns of a phase, or None where it was not recorded."""
        return {Phase.BUILD: self.build, Phase.SEO: self.seo, Phase.REVIEW: self.review}[phase]


class AnalysisTask(StrEnum):
    """What an analysis request asks for, as its `Task:` line says."""

    ANALYZE = "analyze"
    MERGE = "merge"
    REPAIR = "repair"


class RecordedQuote(_Recorded):
    """A sentence of a piece. `of` is one of the claim's `rests_on`."""

    of: str = Field(min_length=1)
    text: str = Field(min_length=1)


class RecordedClaim(_Recorded):
    """A claim of a spec. `rests_on` are texts by which pieces are known, such as a link: the first piece that has one.

    Without one of them the claim is not made.
    """

    kind: ClaimKind
    text: str = Field(min_length=1)
    rests_on: tuple[str, ...] = Field(min_length=1)
    quotes: tuple[RecordedQuote, ...] = ()


class RecordedSynthesis(_Recorded):
    """What the model makes of the research around a paper, or around several that are fused: one of the date's specs,
    none where the date has no spec of that name.

    `turns` answer instead, word for word.
    """

    papers: tuple[str, ...] = Field(min_length=1)
    spec: RepoName | None = None
    why_none: str = ""
    claims: tuple[RecordedClaim, ...] = ()
    turns: Turns | None = None


class Analysis(_Recorded):
    """What the model finds in the papers of a date; `each` stands for every date without its own recording.

    The answer is made from `specs`, in their order. A task with turns of its own is answered by these
    instead, word for word, which is how a test records invalid answers and faults. `research` is what it makes of
    candidates; `better` are the specs that it prefers where two are compared.
    """

    date: date | Literal["each"]
    specs: tuple[Spec, ...] = ()
    analyze: Turns | None = None
    merge: Turns | None = None
    repair: Turns | None = None
    research: tuple[RecordedSynthesis, ...] = ()
    better: tuple[RepoName, ...] = ()

    def turns(self, task: AnalysisTask) -> tuple[RecordedTurn, ...] | None:
        """The verbatim turns of a task, or None where the answer is made from the specs."""
        return {
            AnalysisTask.ANALYZE: self.analyze,
            AnalysisTask.MERGE: self.merge,
            AnalysisTask.REPAIR: self.repair,
        }[task]


class RecordedRepository(_Recorded):
    """A repository that GitHub's search finds by these texts."""

    full_name: str = Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")
    description: str | None = None
    topics: tuple[str, ...] = ()
    readme: str = ""
    stars: int = 0
    files: tuple[str, ...] = Field((), description="Names at its top; folders end with a slash.")
    licence: str | None = None
    pushed: date | None = Field(
        None, description="The last push, by default on the day before it is asked for."
    )
    archived: bool = False


class RecordedPackage(_Recorded):
    """A package of npm or PyPI."""

    name: str = Field(min_length=1)
    description: str = ""
    keywords: tuple[str, ...] = ()


class Existing(_Recorded):
    """What exists already: on GitHub, on npm, on PyPI, and the code that the pages of papers name, by arXiv id."""

    github: tuple[RecordedRepository, ...] = ()
    npm: tuple[RecordedPackage, ...] = ()
    pypi: tuple[RecordedPackage, ...] = ()
    papers: dict[str, str | None] = Field(default_factory=dict)
