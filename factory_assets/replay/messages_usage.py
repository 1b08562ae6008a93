"""Token counts from a request's real size, and the prompt cache, as strict as the API's own.

The rules: https://platform.claude.com/docs/en/build-with-claude/prompt-caching and, of a schema,
https://platform.claude.com/docs/en/build-with-claude/structured-outputs.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock

from factory_assets.domain.tokens import tokens_of
from factory_assets.replay.messages_reply import ApiError, JsonObject, TokenUsage
from factory_assets.replay.messages_request import Block, MessagesRequest, Tool

# A shorter beginning is not kept. All models of today keep 512 tokens.
_LEAST, _LEAST_OF = 512, {"claude-haiku-4-5": 4_096}
_MOST_MARKS = 4
# How many blocks a mark looks back for something that is kept.
_LOOK_BACK = 20
_HOUR = "1h"
_SECONDS = {"5m": 300.0, _HOUR: 3_600.0}


@dataclass(frozen=True)
class _Piece:
    """A part of the prompt. `kept` is for how long its mark asks the cache to keep all up to it."""

    text: str
    tokens: int
    kept: str | None = None


def _pieces(request: MessagesRequest) -> list[_Piece]:
    """The prompt in the order in which the cache sees it: schema, tools, system, messages."""
    pieces = [*_schema(request), *(_piece(_text(_unmarked(tool)), tool) for tool in request.tools)]
    pieces += [_block_piece("", block) for block in request.system_blocks]
    for message in request.messages:
        pieces += [_block_piece(message.role, block) for block in message.blocks]
    if request.cache_control is not None:
        last = pieces.pop()
        pieces.append(_Piece(last.text, last.tokens, _ttl(request.cache_control)))
    return pieces


def _schema(request: MessagesRequest) -> Iterator[_Piece]:
    """The API tells the model of the form in words of its own, so that another form is another prompt."""
    if request.output_config and request.output_config.format:
        text = _text(request.output_config.format.model_dump(mode="json", by_alias=True))
        yield _Piece(text, tokens_of(text))


def _block_piece(role: str, block: Block) -> _Piece:
    text = _text(_unmarked(block))
    plain = block.text if block.type == "text" and block.text is not None else text
    return _Piece(role + text, tokens_of(plain), _ttl(block.cache_control))


def _piece(text: str, marked: Tool) -> _Piece:
    return _Piece(text, tokens_of(text), _ttl(marked.cache_control))


def _unmarked(part: Block | Tool) -> JsonObject:
    """What the cache sees: all but the mark, which moves from turn to turn."""
    return part.model_dump(mode="json", exclude={"cache_control"}, exclude_unset=True)


def _ttl(mark: JsonObject | None) -> str | None:
    """How long a mark asks for.

    Raises:
        ApiError: it is no mark that the API knows.
    """
    if mark is None:
        return None
    ttl = mark.get("ttl", "5m")
    if mark.get("type") != "ephemeral" or not isinstance(ttl, str) or ttl not in _SECONDS:
        raise ApiError(400, "cache_control: type must be 'ephemeral' and ttl '5m' or '1h'")
    return ttl


def _text(value: JsonObject) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def prompt_tokens(request: MessagesRequest) -> int:
    """Tokens of the whole prompt, cached or not."""
    return sum(piece.tokens for piece in _pieces(request))


@dataclass(frozen=True)
class _Prefix:
    """The prompt up to one of its pieces."""

    digest: str
    tokens: int
    kept: str | None


def _prefixes(model: str, pieces: Sequence[_Piece]) -> list[_Prefix]:
    digest = hashlib.sha256(model.encode())
    total = 0
    found: list[_Prefix] = []
    for piece in pieces:
        digest.update(f"\0{piece.text}".encode())
        total += piece.tokens
        found.append(_Prefix(digest.hexdigest(), total, piece.kept))
    return found


def _check_marks(prefixes: Sequence[_Prefix]) -> None:
    marks = [prefix.kept for prefix in prefixes if prefix.kept]
    if len(marks) > _MOST_MARKS:
        raise ApiError(
            400, f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided. Found {len(marks)}."
        )
    if "5m" in marks and _HOUR in marks[marks.index("5m") :]:
        raise ApiError(
            400, "A ttl='1h' cache_control block must not come after a ttl='5m' cache_control block."
        )


@dataclass
class PromptCache:
    """The prefixes that are kept, by their hash, until `clock` (seconds) says that they were not read for too long."""

    clock: Callable[[], float] = time.monotonic
    _until: dict[str, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def account(self, request: MessagesRequest, output_tokens: int) -> TokenUsage:
        """Split the prompt into read, written and uncached tokens, and keep what its marks ask for.

        Raises:
            ApiError: more marks than are allowed, or in an order that is not.
        """
        prefixes = _prefixes(request.model, _pieces(request))
        _check_marks(prefixes)
        least = _LEAST_OF.get(request.model, _LEAST)
        marked = [at for at, prefix in enumerate(prefixes) if prefix.kept and prefix.tokens >= least]
        with self._lock:
            read = max((self._read(prefixes, at) for at in marked), default=0)
            for at in marked:
                self._keep(prefixes[at])
        written = max((prefixes[at].tokens for at in marked), default=0)
        hours = max((prefixes[at].tokens for at in marked if prefixes[at].kept == _HOUR), default=0)
        return TokenUsage(
            input_tokens=prefixes[-1].tokens - max(written, read),
            cache_write_tokens=max(0, written - read),
            cache_write_1h_tokens=max(0, hours - read),
            cache_read_tokens=read,
            output_tokens=output_tokens,
        )

    def _read(self, prefixes: Sequence[_Prefix], mark: int) -> int:
        """The longest prefix that a mark finds, in tokens; what is read is kept as long again."""
        now = self.clock()
        for prefix in reversed(prefixes[max(0, mark - _LOOK_BACK + 1) : mark + 1]):
            if self._until.get(prefix.digest, 0.0) > now:
                kept = prefixes[mark].kept or "5m"
                self._until[prefix.digest] = max(self._until[prefix.digest], now + _SECONDS[kept])
                return prefix.tokens
        return 0

    def _keep(self, prefix: _Prefix) -> None:
        until = self.clock() + _SECONDS[prefix.kept or "5m"]
        self._until[prefix.digest] = max(until, self._until.get(prefix.digest, 0.0))
