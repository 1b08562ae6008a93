"""A recorded day played through the router, as the factory stands and with each of what saves."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
from pydantic import SecretStr

from bench.recorded_day import RecordedDay, Sent, sessions_of
from factory_assets.domain.agents import Purpose
from factory_assets.domain.builds import Phase, Usage
from factory_assets.domain.planning import USUAL_BUILD_MINUTES
from factory_assets.llm.model_access import UNORDERED_HEADER
from factory_assets.replay.messages import MessagesApi, ReplayAnswer
from factory_assets.replay.messages_batches import BatchesApi
from factory_assets.replay.messages_reply import MessageReply, TextBlock, TokenUsage
from factory_assets.replay.messages_request import read_request
from factory_assets.replay.messages_usage import PromptCache, prompt_tokens
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.server import ReplayServer
from factory_assets.router.asked import SESSION_HEADER
from factory_assets.router.backends import CredentialKind
from factory_assets.router.backends_file import default_backend
from factory_assets.router.client import RouterAccess, RouterPass
from factory_assets.router.made import RouterConfig, router_of
from factory_assets.router.serving import in_thread
from factory_assets.router.whereabouts import Whereabouts

_KEY = "sk-ant-of-the-measurement"
# Between the analysis and the first build, and between the day's end and what is asked again, in seconds.
_PAUSE = 1_800.0
_NO_BUDGET = 1e6
_LOWEST = "claude-haiku-5-5"


@dataclass
class _Api(MessagesApi):
    """An API that answers anything at once, with the length it is told, and counts and caches as Anthropic's does."""

    output_tokens: int = 0
    now: float = 0.0
    caches: bool = True
    _prompts: PromptCache = field(init=False)

    def __post_init__(self) -> None:
        self._prompts = PromptCache(clock=lambda: self.now)

    def answer(self, headers: Mapping[str, str], body: bytes) -> ReplayAnswer:  # noqa: ARG002 - as in MessagesApi
        """See MessagesApi. The time is the day's, not the clock's."""
        request = read_request(body)
        if self.caches:
            usage = self._prompts.account(request, self.output_tokens)
        else:
            usage = TokenUsage(prompt_tokens(request), 0, 0, 0, self.output_tokens)
        return ReplayAnswer(
            MessageReply(request.model, (TextBlock("{}"),), "end_turn", usage), request.stream
        )


@dataclass(frozen=True)
class Way:
    """How a day goes: which of what saves is on."""

    name: str
    caches: bool = True
    batches: bool = False
    reroutes: bool = False
    lowest: Mapping[str, str] = field(default_factory=dict)
    cache_hours: float = 24.0


_HAIKU = {phase.value: _LOWEST for phase in (Phase.BUILD, Phase.REVIEW)}
WAYS = (
    Way("as it is"),
    Way("without the model's prompt cache", caches=False),
    Way("plain questions routed by score (`FACTORY_REROUTE`)", reroutes=True),
    Way("new sessions from Haiku up (`FACTORY_LOWEST_MODELS`)", lowest=_HAIKU),
    Way("analysis in a batch", batches=True),
    Way("sessions from Haiku up, and analysis in a batch", batches=True, lowest=_HAIKU),
)
AGAIN = (
    Way("without the answer cache (`FACTORY_ANSWER_CACHE_HOURS=0`)", cache_hours=0.0),
    Way("with it"),
)


@dataclass(frozen=True)
class Played:
    """A day's tokens and dollars by purpose, as the router booked them."""

    by_purpose: Mapping[Purpose, Usage]

    @property
    def used(self) -> Mapping[str, Usage]:
        """By stage, those of builds by phase."""
        return self.summed(
            lambda purpose: (purpose.phase if purpose.stage == "build" else "") or purpose.stage
        )

    def summed(self, name: Callable[[Purpose], str]) -> dict[str, Usage]:
        """By what purposes are called."""
        sums: dict[str, Usage] = {}
        for purpose, used in self.by_purpose.items():
            sums[name(purpose)] = sums.get(name(purpose), Usage()) + used
        return sums

    @property
    def total(self) -> Usage:
        """Of all stages."""
        return sum(self.by_purpose.values(), Usage())


@dataclass
class _Day:
    """A day being played: the way to its router, and the API behind it."""

    api: _Api
    access: RouterAccess
    client: httpx.Client
    way: Way
    used: dict[Purpose, Usage] = field(default_factory=dict)

    def play(self, calls: Sequence[Sent], *, pause: float) -> None:
        """Send the calls of one session, or of one stage, each after so many seconds."""
        purpose = calls[0].purpose
        with self._open(purpose, plain=calls[0].is_plain) as granted:
            for sent in calls:
                self.api.now += pause
                self.api.output_tokens = sent.output_tokens
                if self.way.batches and purpose.stage == "analyze":
                    self._in_batch(granted, sent)
                else:
                    self._send(granted, sent.headers, sent.body)

    @contextmanager
    def _open(self, purpose: Purpose, *, plain: bool) -> Iterator[RouterPass]:
        is_analysis = purpose.stage == "analyze"
        with self.access.open(
            purpose, limit_usd=_NO_BUDGET, seconds=3_600.0, plain=plain, batches=is_analysis
        ) as granted:
            yield granted
            self.used[purpose] = self.used.get(purpose, Usage()) + granted.seen.usage

    def _send(self, granted: RouterPass, headers: Mapping[str, str], body: bytes) -> None:
        shown = {**headers, UNORDERED_HEADER: "paper", "x-api-key": granted.token("")}
        self.client.post(f"{self.access.url}/v1/messages", content=body, headers=shown).raise_for_status()

    def _in_batch(self, granted: RouterPass, sent: Sent) -> None:
        asked = {name: value for name, value in json.loads(sent.body).items() if name != "stream"}
        headers = {**sent.headers, "x-api-key": granted.token("")}
        url = f"{self.access.url}/v1/messages/batches"
        batch = {"requests": [{"custom_id": "analysis", "params": asked}]}
        made = self.client.post(url, json=batch, headers=headers).raise_for_status().json()
        for path in ("", "/results"):
            self.client.get(f"{url}/{made['id']}{path}", headers=headers).raise_for_status()


def day_of(recorded: RecordedDay, wanted: int) -> tuple[list[Sent], list[tuple[Sent, ...]]]:
    """The calls of a day's analysis, and those of as many builds as specs are wanted: the recorded ones in turn.

    The recorded answer is as much longer as the day wants more specs. A build's copy has a name and sessions of its
    own, so that no two of them are one to a cache.
    """
    analysis = [
        replace(sent, output_tokens=sent.output_tokens * wanted // recorded.specs)
        for sent in recorded.analysis
    ]
    names = list(recorded.builds)
    builds = []
    for number in range(wanted):
        name = names[number % len(names)]
        copy = f"{name[:-3]}-{number:02}"
        builds.append(tuple(_copied(sent, name, copy) for sent in recorded.builds[name]))
    return analysis, builds


def _copied(sent: Sent, name: str, copy: str) -> Sent:
    headers = dict(sent.headers)
    if SESSION_HEADER in headers:
        headers[SESSION_HEADER] += copy
    purpose = replace(sent.purpose, repo=copy)
    return replace(
        sent, purpose=purpose, headers=headers, body=sent.body.replace(name.encode(), copy.encode())
    )


@contextmanager
def _opened(way: Way) -> Iterator[_Day]:
    with ExitStack() as held:
        server = held.enter_context(ReplayServer(recordings=Recordings.of()))
        api = server.messages = _Api(server.messages.recordings, caches=way.caches)
        server.batches = BatchesApi(api)
        place = Whereabouts(Path(held.enter_context(tempfile.TemporaryDirectory())))
        backend = default_backend(server.url, CredentialKind.API_KEY, SecretStr(_KEY))
        config = RouterConfig(
            chains={"api": (backend,)},
            reroutes=way.reroutes,
            lowest_models=way.lowest,
            cache_hours=way.cache_hours,
        )
        router = held.enter_context(router_of(place, config))
        access = place.access_to(held.enter_context(in_thread(router)))
        yield _Day(api, access, held.enter_context(httpx.Client(timeout=60.0)), way)


def play(way: Way, analysis: Sequence[Sent], builds: Sequence[Sequence[Sent]]) -> Played:
    """A day that goes that way: an analysis, then one build after the other."""
    with _opened(way) as day:
        day.play(analysis, pause=60.0)
        day.api.now += _PAUSE
        for build in builds:
            for _, calls in sessions_of(tuple(build)):
                day.play(calls, pause=60 * USUAL_BUILD_MINUTES / len(build))
    return Played(day.used)


def play_apart(way: Way, questions: Sequence[Sent]) -> Played:
    """Questions that share nothing with one another: each is asked when no beginning is in the cache any more."""
    with _opened(way) as day:
        for question in questions:
            day.play([question], pause=_PAUSE)
    return Played(day.used)


def play_twice(way: Way, analysis: Sequence[Sent]) -> Played:
    """The same analysis asked again half an hour later, its papers in another order."""
    with _opened(way) as day:
        day.play(analysis, pause=60.0)
        day.api.now += _PAUSE
        day.play([_reordered(sent) for sent in analysis], pause=60.0)
    return Played(day.used)


def _reordered(sent: Sent) -> Sent:
    """The same question, its papers in another order."""
    body = json.loads(sent.body)
    text: str = body["messages"][0]["content"]
    head, start, rest = text.partition("<paper>\n")
    papers, end, tail = rest.rpartition("</paper>\n")
    between = end + start
    papers = between.join(reversed(papers.split(between)))
    body["messages"][0]["content"] = f"{head}{start}{papers}{end}{tail}"
    return replace(sent, body=json.dumps(body).encode())
