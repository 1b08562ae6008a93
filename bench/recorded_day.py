"""One factory day as it was sent to the model: the real prompts over the sample, and Claude Code's real requests."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from pathlib import Path

from factory_assets.building.acceptance import rule_on
from factory_assets.building.outcome import Shipped
from factory_assets.cli.instance import write_env
from factory_assets.domain.agents import Answer, Purpose, Question
from factory_assets.domain.readings import Dispute, ReaderMode
from factory_assets.domain.specs import QueuedSpec
from factory_assets.instance import Instance
from factory_assets.replay.messages import MessagesApi, ReplayAnswer
from factory_assets.replay.messages_request import MessagesRequest, read_request
from factory_assets.router.asked import SESSION_HEADER
from factory_assets.settings import PROJECT_ROOT, Mode, Settings

DAYS = (date(2026, 6, 17), date(2026, 6, 18))
"""The first is the day whose analysis is taken; the demo's repos are built of both."""
_LINE = re.compile(r"^(Repository|Phase|Task): *(\S+)", re.MULTILINE)
# What asks the questions about a repo, by their `Task:`; a purpose has the task as its phase.
_STAGES = {
    "accept": "acceptance",
    "solve": "acceptance",
    "read": "reader",
    "confirm": "reader",
    "dispute": "reader",
}
# What the way to a server sets by itself.
_OF_THE_CONNECTION = frozenset(
    {
        "host",
        "connection",
        "content-length",
        "accept-encoding",
        "authorization",
        "x-api-key",
        "transfer-encoding",
    }
)


@dataclass(frozen=True)
class Sent:
    """One request as it came to the API, and the tokens of its recorded answer."""

    purpose: Purpose
    headers: Mapping[str, str]
    body: bytes
    output_tokens: int

    @property
    def is_plain(self) -> bool:
        """Whether it is a question of the factory's own, and no turn of an agent."""
        return SESSION_HEADER not in self.headers


@dataclass(frozen=True)
class RecordedDay:
    """An analysis of so many papers that found so many specs, and builds, each with its calls in their order.

    `disputes` has a question about one held-out scenario of each repo: no builder of the recordings disputes any.
    """

    papers: int
    specs: int
    analysis: tuple[Sent, ...]
    builds: Mapping[str, tuple[Sent, ...]]
    disputes: tuple[Sent, ...]


@dataclass
class _Recorder(MessagesApi):
    """Answers from recordings, and keeps what it was sent."""

    taken: list[Sent] = field(default_factory=list)
    _purposes: dict[str, Purpose] = field(default_factory=dict)

    def answer(self, headers: Mapping[str, str], body: bytes) -> ReplayAnswer:
        """See MessagesApi."""
        answer = super().answer(headers, body)
        kept = {name.lower(): value for name, value in headers.items()}
        kept = {name: value for name, value in kept.items() if name not in _OF_THE_CONNECTION}
        purpose = self._purpose(read_request(body), kept.get(SESSION_HEADER, ""))
        self.taken.append(Sent(purpose, kept, body, answer.reply.usage.output_tokens))
        return answer

    def _purpose(self, request: MessagesRequest, session: str) -> Purpose:
        said: dict[str, str] = {}
        for match in _LINE.finditer(request.opening):
            said.setdefault(match[1], match[2])
        if "Repository" not in said and session not in self._purposes:
            return Purpose("analyze")
        if "Task" in said:
            return Purpose(_STAGES[said["Task"]], said["Repository"], said["Task"])
        # A side call of Claude Code's own names nothing but its session.
        known = self._purposes.get(session)
        if known is None:
            known = self._purposes[session] = Purpose("build", said["Repository"], said["Phase"])
        return known


def record() -> RecordedDay:
    """Gather, analyse and build in this process, by the real Claude Code; some minutes."""
    with tempfile.TemporaryDirectory(prefix="factory-bench-") as folder:
        home = Path(folder)
        write_env(home, _settings_of(home))
        shutil.copyfile(PROJECT_ROOT / "dagster.yaml", home / "dagster.yaml")
        instance = Instance(Settings(_env_file=home / ".env"))
        server = instance.replay.server
        server.messages = recorder = _Recorder(server.messages.recordings, server.messages.accepted_keys)
        instance.gathering.gather(DAYS, _unheard, lambda _part: None)
        report = instance.analysis.analyze(DAYS[0], _unheard)
        analysis = tuple(recorder.taken)
        instance.analysis.analyze(DAYS[1], _unheard)
        before = len(recorder.taken)
        shipped = [
            queued
            for queued in instance.registry.queue.specs()
            if isinstance(instance.builds.build(queued, "bench", _unheard), Shipped)
        ]
        built = recorder.taken[before:]
        before = len(recorder.taken)
        for queued in shipped:
            _dispute(instance, queued)
        return RecordedDay(
            papers=report.papers,
            specs=len(report.queued),
            analysis=analysis,
            builds={queued.spec.name: _of(queued.spec.name, built) for queued in shipped},
            disputes=tuple(recorder.taken[before:]),
        )


class _NoBooks:
    """Keeps nothing: what is measured is asked once, and paid by nobody."""

    def answers_to(self, digest: str) -> list[str]:  # noqa: ARG002 - as in AskingBooks
        """See AskingBooks."""
        return []

    def set_aside(self, question: Question) -> AbstractContextManager[None]:  # noqa: ARG002 - as in AskingBooks
        """See AskingBooks."""
        return nullcontext()

    def keep(self, purpose: str, digest: str, answer: Answer) -> int:  # noqa: ARG002 - as in AskingBooks
        """See AskingBooks."""
        return 0

    def record(self, answer: Answer, outcome: str, *, is_last: bool) -> None:
        """See AskingBooks."""


def _dispute(instance: Instance, queued: QueuedSpec) -> None:
    """Ask the reader about the first scenario that was held out, against a rule of the contract."""
    agreed = instance.registry.builds.acceptance_of(queued.id)
    if agreed is None or not agreed.held_out:
        return
    rule_on(
        instance.models.reader(ReaderMode.DECIDE, instance.registry.answers, _unheard),
        queued.spec,
        agreed,
        agreed.held_out[0],
        Dispute(
            quote=agreed.contract.rules[0],
            why="By this line another result comes of it: the scenario asks for what the contract says nowhere.",
        ),
        books=_NoBooks(),
        notify=_unheard,
    )


def _of(name: str, taken: list[Sent]) -> tuple[Sent, ...]:
    return tuple(sent for sent in taken if sent.purpose.repo == name)


def sessions_of(build: tuple[Sent, ...]) -> Iterator[tuple[Purpose, list[Sent]]]:
    """The calls of a build by what they are for, in their order."""
    for purpose, calls in groupby(build, key=lambda sent: sent.purpose):
        yield purpose, list(calls)


def _settings_of(home: Path) -> dict[str, str]:
    return {
        "DAGSTER_HOME": str(home),
        "FACTORY_MODE": Mode.REPLAY,
        "FACTORY_DATA_DIR": str(home / "data"),
        "FACTORY_START_DATE": DAYS[0].isoformat(),
        "FACTORY_END_DATE": DAYS[-1].isoformat(),
        "FACTORY_RANKS": "40",
        "FACTORY_ARXIV_INTERVAL": "0",
        "FACTORY_MIRROR_DIR": str(home / "mirrored"),
    }


def _unheard(_line: str) -> None:
    """Nobody reads along."""
