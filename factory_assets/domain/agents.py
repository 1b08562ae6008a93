"""Model work as typed requests and outcomes: one structured question, or one phase of an agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from factory_assets.domain.builds import Usage
from factory_assets.domain.refusals import Refusal


class Route(StrEnum):
    """How a model call went."""

    ROUTER = "router"
    API = "api"
    BATCH = "batch"
    CLAUDE_CODE = "claude-code"


@dataclass(frozen=True)
class Reach:
    """What a contained program may reach of the network: `host` (port 443, or 80 without TLS) or `host:port`.

    A plain `host` must have a public address; one with its port may be anywhere, this machine included.
    """

    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Purpose:
    """What model calls are for: the stage, and of a build its repo and its phase."""

    stage: str = "trial"
    repo: str | None = None
    phase: str | None = None


def _not_counted(lost: Answer) -> None:
    """Who asks on trial keeps no count."""


@dataclass(frozen=True)
class Question:
    """One structured question without tools: `instructions` are sent first, then `material`, then `prompt`.

    `material` is what several questions ask about, each in a prompt of its own. `caches` says that another question
    with these instructions, schema and material has been asked or is to be within minutes, so that the model's prompt
    cache is worth its price.

    `answer_schema` is a JSON schema; whoever answers may ignore it, so the asker validates. `lost` hears of each
    attempt that the model worked on and that gave no answer: without its text, with what it took. `setting` is
    the one that names the model. `purpose` says what it is asked for. `about` names the element of the prompt that
    holds what it is about, `unordered` the elements whose order there means nothing.
    """

    instructions: str
    prompt: str
    answer_schema: Mapping[str, JsonValue]
    model: str
    max_output_tokens: int = 16_000
    material: str = ""
    caches: bool = False
    setting: str = "FACTORY_ANALYZE_MODEL"
    purpose: Purpose = Purpose()
    about: str | None = None
    unordered: str | None = None
    lost: Callable[[Answer], None] = field(default=_not_counted, repr=False, compare=False)

    @property
    def text(self) -> str:
        """All that is asked: the material and the prompt."""
        return f"{self.material}\n\n{self.prompt}" if self.material else self.prompt


@dataclass(frozen=True)
class Answer:
    """The raw text of an answer and what it took. `notes` says which routes failed before, and why."""

    text: str
    route: Route
    model: str
    usage: Usage
    seconds: float
    cache_hit: bool = False
    notes: tuple[str, ...] = ()


class StructuredModel(Protocol):
    """Whatever answers a structured question."""

    def ask(self, question: Question) -> Answer:
        """Answer, or raise.

        Raises:
            CredentialError: refused, or no credential: never retried.
            ModelStoppedError: refused whoever asks, because of the account or the model: never retried.
            RateLimitedError: with the time to come back, where one was named.
            InfrastructureError: network, 5xx, overloaded after the client's own retries.
        """
        ...


class OutcomeKind(StrEnum):
    """How an agent's phase ended."""

    DONE = "done"
    OUT_OF_TURNS = "out of turns"
    OVER_BUDGET = "over budget"
    RATE_LIMITED = "rate limited"
    AUTHENTICATION = "authentication"
    STOPPED = "refusal of the account or the model"
    NOT_UNDERSTOOD = "refusal that is not understood"
    INFRASTRUCTURE = "infrastructure failure"
    AGENT_FAILURE = "agent failure"


@dataclass(frozen=True)
class AgentTask:
    """One phase for an agent: what to do, where, and how far it may go.

    `tools` are Claude Code's tool names, or None for all. `timeout_seconds` is wall time. `resume` is the
    session to go on with. `reach` is what its commands may reach beside the model API, `variables` what their
    package managers are told of it. `transcript` is where the whole conversation is kept, secrets taken out.
    `purpose` says what its calls of the model are for.
    """

    prompt: str
    workspace: Path
    model: str
    max_turns: int
    max_budget_usd: float
    timeout_seconds: float
    tools: tuple[str, ...] | None = None
    resume: str | None = None
    reach: Reach = Reach()
    variables: Mapping[str, str] = field(default_factory=dict)
    transcript: Path | None = None
    purpose: Purpose = Purpose()


@dataclass(frozen=True)
class AgentOutcome:
    """How it ended. `detail` is the program's own words; `until` the reset time of a rate limit (UTC).

    `refusal` is what the API refused, where that was its end.
    """

    kind: OutcomeKind
    detail: str
    turns: int
    usage: Usage
    seconds: float
    session_id: str | None
    model: str
    until: datetime | None = None
    refusal: Refusal | None = None


class AgentRunner(Protocol):
    """Whatever runs an agent in a workspace."""

    def run_agent(
        self, task: AgentTask, report: Callable[[str], None], meter: Callable[[Usage], None]
    ) -> AgentOutcome:
        """Run one phase to its end.

        `report` gets one readable line per event (tool, file, cost so far). `meter` gets, after each answer of
        the model, what this session has used so far: an estimate, which the outcome replaces.
        """
        ...

    def forget(self, workspace: Path) -> None:
        """Remove the sessions of the runs in `workspace`, when its build is over.

        Raises:
            OSError: they cannot be removed.
        """
        ...


class SightingKind(StrEnum):
    """What a watched command did: to a planted file of its home, to what acts at a later login, or on its network."""

    OPENED = "opened"
    CHANGED = "changed"
    ADDED = "added"
    GONE = "removed"
    ASKED_FOR = "looked up"
    CONNECTED = "tried to reach"

    @property
    def is_of_the_network(self) -> bool:
        """Whether it asked for something beyond loopback."""
        return self in {SightingKind.ASKED_FOR, SightingKind.CONNECTED}


@dataclass(frozen=True)
class Sighting:
    """One thing that a watched command was seen to do, and the file (`~/notes.md`), the name or the address:port."""

    kind: SightingKind
    what: str


@dataclass(frozen=True)
class CommandResult:
    """What a command did. `output` is stdout and stderr together.

    `stopped` names the limit that it passed and was stopped at, such as `more than 512 processes`; `refused`
    the hosts that it asked for and that are not within its reach, `unreached` those within it that did not answer.
    `sightings` is what one without reach was seen to do, `unwatched` what could not be watched, and why.
    """

    exit_code: int
    output: str
    timed_out: bool
    seconds: float
    stopped: str | None = None
    refused: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    unwatched: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """An untrusted command: it sees its workspace, the toolchains and a clean environment, no more.

    Without `reach` it has no network at all. `readable` are folders that it sees as well and cannot change.
    """

    argv: tuple[str, ...]
    workspace: Path
    timeout_seconds: float
    reach: Reach | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    readable: tuple[Path, ...] = ()


class CommandRunner(Protocol):
    """Runs untrusted commands, contained as well as this machine allows."""

    @property
    def protections(self) -> tuple[str, ...]:
        """What is on, in words for an operator; empty when nothing contains the command."""
        ...

    def run(self, command: Command) -> CommandResult:
        """Run to the end or the time-out; nothing it started is left running."""
        ...
