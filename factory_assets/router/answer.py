"""An answer of the Messages API, read while its bytes pass: what it counts, and how it failed."""

from __future__ import annotations

import json
import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from factory_assets.domain.builds import Usage
from factory_assets.llm.prices import Extras

_BYTES_PER_TOKEN = 4
# An event that counts something is far shorter; one that is longer passes unread.
_LONGEST_LINE = 256 * 1024
# A message of 128,000 tokens is a megabyte, pages that the API's own tools have read come on top.
_LONGEST_BODY = 8 * 1024 * 1024
# Of a `data:` line around the few letters that it brings.
_EVENT_BYTES = 80
_SHOWN_BYTES = 4096
_COUNTING = re.compile(rb'"(?:message_start|message_delta|error)"')

_Count = Annotated[int, BeforeValidator(lambda value: 0 if value is None else value), Field(ge=0)]


class _Parts(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _CacheWrites(_Parts):
    ephemeral_1h_input_tokens: _Count = 0


class _Tools(_Parts):
    web_search_requests: _Count = 0


class Tokens(_Parts):
    """What one sampling of a model counts."""

    input_tokens: _Count = 0
    output_tokens: _Count = 0
    cache_read_input_tokens: _Count = 0
    cache_creation_input_tokens: _Count = 0
    cache_creation: _CacheWrites | None = None
    server_tool_use: _Tools | None = None
    speed: str | None = None

    @property
    def usage(self) -> Usage:
        """Tokens, without a price."""
        return Usage(
            calls=1,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_read_tokens=self.cache_read_input_tokens,
            cache_write_tokens=self.cache_creation_input_tokens,
        )

    @property
    def extras(self) -> Extras:
        """What makes it dearer."""
        return Extras(
            hour_writes=self.cache_creation.ephemeral_1h_input_tokens if self.cache_creation else 0,
            web_searches=self.server_tool_use.web_search_requests if self.server_tool_use else 0,
            fast=self.speed == "fast",
        )


class Sampling(Tokens):
    """One of several samplings behind an answer."""

    type: str = ""
    model: str | None = None


class Counts(Tokens):
    """The `usage` of an answer."""

    iterations: tuple[Sampling, ...] | None = None

    @property
    def beside(self) -> tuple[Sampling, ...]:
        """Samplings that the other counts leave out: compactions, advice of another model."""
        return tuple(sampling for sampling in self.iterations or () if sampling.type != "message")

    def then(self, later: Counts) -> Counts:
        """These counts as a later event of the same answer has them: they only grow, and may be left out."""
        known = {name: getattr(self, name) for name in Counts.model_fields}
        for name, before in known.items():
            value = getattr(later, name)
            known[name] = max(before, value) if isinstance(value, int) else value or before
        return Counts.model_construct(**known)


class BackendAnswer:
    """Takes the bytes of an answer.

    `counts` is None while nothing was counted, `complete` whether the last word on it was heard, `error` the API's
    kind of error and its message where it gave one, `text` the beginning of an answer in one piece.
    """

    def __init__(self, *, streams: bool) -> None:
        self.streams = streams
        self._held = bytearray()
        self._too_long = False
        self._written = 0
        self.model: str | None = None
        self.counts: Counts | None = None
        self.complete = False
        self.error: tuple[str, str] | None = None
        self.text = ""

    @property
    def tokens_seen(self) -> int:
        """The length of what the model has written, in tokens, roughly: more rather than less."""
        return self._written // _BYTES_PER_TOKEN

    def feed(self, content: bytes) -> None:
        """Take the next bytes."""
        if not self.streams:
            self._written += len(content)
            self._hold(content, _LONGEST_BODY)
            return
        *lines, rest = content.split(b"\n")
        for line in lines:
            if self._held or self._too_long or len(line) > _LONGEST_LINE:
                self._hold(line, _LONGEST_LINE)
                self._end_line()
            else:
                self._read_line(line)
        self._hold(rest, _LONGEST_LINE)

    def end(self) -> None:
        """There is no more of it."""
        if self.streams:
            self._end_line()
        elif not self._too_long:
            self._read(bytes(self._held))
            self.text = bytes(self._held[:_SHOWN_BYTES]).decode(errors="replace")
        self._held.clear()

    def _hold(self, content: bytes, most: int) -> None:
        self._too_long = self._too_long or len(self._held) + len(content) > most
        if not self._too_long:
            self._held += content

    def _end_line(self) -> None:
        self._read_line(bytes(self._held), is_whole=not self._too_long)
        self._held.clear()
        self._too_long = False

    def _read_line(self, line: bytes, *, is_whole: bool = True) -> None:
        if not line.startswith(b"data:"):
            return
        self._written += max(_BYTES_PER_TOKEN, len(line) - _EVENT_BYTES)
        if is_whole and _COUNTING.search(line):
            self._read(line.removeprefix(b"data:"))

    def _read(self, text: bytes) -> None:
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        if isinstance(event.get("error"), dict):
            error = event["error"]
            self.error = (str(error.get("type", "")), str(error.get("message", "")))
            return
        message = event.get("message") if event.get("type") == "message_start" else event
        if not isinstance(message, dict) or "usage" not in message:
            return
        try:
            counts = Counts.model_validate(message["usage"])
        except ValidationError:
            return
        self.counts = self.counts.then(counts) if self.counts else counts
        self.model = message["model"] if isinstance(message.get("model"), str) else self.model
        self.complete = event.get("type") != "message_start"
