"""A message batch as its bytes say it: what its requests may cost, what its results have cost, where they are read.

https://platform.claude.com/docs/en/build-with-claude/batch-processing. Tokens cost half in a batch; a request that
errored, was cancelled or expired costs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, JsonValue, TypeAdapter, ValidationError

from factory_assets.domain.builds import Usage
from factory_assets.llm.prices import Extras, first_price
from factory_assets.router.answer import Counts
from factory_assets.router.asked import Asked
from factory_assets.router.backends import Backend

_BYTES_PER_TOKEN = 4
# The largest context of any model.
_MOST_INPUT_TOKENS = 1_000_000
# As of one answer in one piece: see router.answer.
_LONGEST_LINE = 8 * 1024 * 1024
_HALVED = Extras(batch=True)
# No batch object holds a text of its caller's in which this could stand.
_RESULTS_URL = re.compile(rb'("results_url"\s*:\s*)("(?:[^"\\]|\\.)*")')
_RESULTS_PATH = re.compile(r"/v1/messages/batches/[A-Za-z0-9_-]+/results$")


class _Told(BaseModel):
    id: str
    created_at: AwareDatetime
    request_counts: dict[str, int]


class _List(BaseModel):
    data: list[_Told]


_LISTED = TypeAdapter(_List).validate_json


@dataclass(frozen=True)
class BatchAsked:
    """The requests of a batch that is to be made; none where its bytes are no such thing, for the API to refuse."""

    requests: tuple[Asked, ...]
    ids: tuple[str, ...]
    sizes: tuple[int, ...]

    @classmethod
    def read(cls, body: Asked) -> BatchAsked:
        """Read the body of a request that makes a batch."""
        listed = body.body.get("requests")
        entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        params = [entry.get("params") for entry in entries]
        requests = tuple(Asked(one if isinstance(one, dict) else {}) for one in params)
        ids = tuple(str(entry.get("custom_id")) for entry in entries)
        return cls(requests, ids, tuple(len(json.dumps(one)) for one in params))

    @property
    def models(self) -> tuple[str, ...]:
        """The models that they ask for, each once."""
        return tuple(dict.fromkeys(one.model for one in self.requests if one.model is not None))

    @property
    def model(self) -> str | None:
        """The model, where all ask for the same one."""
        return self.models[0] if len(self.models) == 1 else None

    def most(self, backend: Backend) -> Usage:
        """The most that it can take: all of its input, and each answer as long as may be."""
        return sum(
            (_most(one, size, backend) for one, size in zip(self.requests, self.sizes, strict=True)), Usage()
        )


def batch_id(content: bytes) -> str | None:
    """The id of the batch that an answer is about."""
    found = _object(content)
    told = found.get("id")
    return told if found.get("type") == "message_batch" and isinstance(told, str) else None


def listed(content: bytes) -> dict[str, tuple[datetime, int]]:
    """Of each batch in a list when it was made, and how many requests it has."""
    try:
        return {one.id: (one.created_at, sum(one.request_counts.values())) for one in _LISTED(content).data}
    except ValidationError:
        return {}


def led_here(content: bytes, base: str) -> bytes:
    """An answer about batches whose results are read at `base`: a credential is shown to no other place.

    The SDK goes to the address in `results_url`, which is the API's own.
    """

    def own(found: re.Match[bytes]) -> bytes:
        path = _RESULTS_PATH.search(json.loads(found[2]))
        return found[1] + json.dumps(f"{base}{path[0]}").encode() if path else found[0]

    return _RESULTS_URL.sub(own, content)


@dataclass
class Results:
    """Takes the bytes of a batch's results and adds up what they cost; `backend` has answered, `model` was asked for.

    `is_whole` is whether every line could be read so far.
    """

    backend: Backend
    model: str | None
    usage: Usage = field(default_factory=Usage)
    ids: list[str] = field(default_factory=list)
    is_whole: bool = True
    _line: bytearray = field(default_factory=bytearray)
    _is_too_long: bool = False

    def feed(self, content: bytes) -> None:
        """Take the next bytes."""
        *lines, rest = content.split(b"\n")
        for line in lines:
            self._hold(line)
            self.end()
        self._hold(rest)

    def end(self) -> None:
        """A line is over."""
        line = bytes(self._line)
        if self._is_too_long:
            self.is_whole = False
        elif line.strip():
            self._take(_object(line))
        self._line.clear()
        self._is_too_long = False

    def _hold(self, content: bytes) -> None:
        self._is_too_long = self._is_too_long or len(self._line) + len(content) > _LONGEST_LINE
        if not self._is_too_long:
            self._line += content

    def _take(self, entry: dict[str, JsonValue]) -> None:
        custom_id, result = entry.get("custom_id"), entry.get("result")
        if not isinstance(custom_id, str) or not isinstance(result, dict):
            self.is_whole = False
            return
        self.ids.append(custom_id)
        if result.get("type") != "succeeded":
            return
        message = result.get("message")
        try:
            told = message if isinstance(message, dict) else {}
            counts = Counts.model_validate(told["usage"])
        except (KeyError, ValidationError):
            self.is_whole = False
            return
        model = told.get("model")
        self.usage += _priced(counts, [model if isinstance(model, str) else None, self.model], self.backend)


def _priced(counts: Counts, models: list[str | None], backend: Backend) -> Usage:
    price = _own_price(backend, models)
    if price is not None:
        return counts.usage.model_copy(update={"cost_usd": price(counts.usage)})
    cost = first_price(models, counts.usage, replace(counts.extras, batch=True))
    cost += sum(
        first_price([part.model, *models], part.usage, replace(part.extras, batch=True))
        for part in counts.beside
    )
    return counts.usage.model_copy(update={"cost_usd": cost})


def _most(asked: Asked, size: int, backend: Backend) -> Usage:
    usage = Usage(
        calls=1,
        input_tokens=min(size // _BYTES_PER_TOKEN, _MOST_INPUT_TOKENS),
        output_tokens=asked.max_tokens,
    )
    price = _own_price(backend, [asked.model])
    cost = first_price([asked.model], usage, _HALVED) if price is None else price(usage)
    return usage.model_copy(update={"cost_usd": cost})


def _own_price(backend: Backend, models: list[str | None]) -> Callable[[Usage], float] | None:
    """The price that the backends file names. Nothing says that such a server halves it, so it counts whole."""
    named = (backend.named(model) for model in models if model is not None)
    return next((model.cost_usd for model in named if model is not None and model.price is not None), None)


def _object(content: bytes) -> dict[str, JsonValue]:
    try:
        found: JsonValue = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
