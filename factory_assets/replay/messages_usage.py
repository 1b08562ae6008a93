"""Token counts from a request's real size, and the prompt cache: a prefix marked before is read again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from threading import Lock

from factory_assets.replay.messages_reply import JsonObject, TokenUsage
from factory_assets.replay.messages_request import MessagesRequest

_CHARS_PER_TOKEN = 4


def tokens(text: str) -> int:
    """About how many tokens a text is."""
    return -(-len(text) // _CHARS_PER_TOKEN)


@dataclass(frozen=True)
class _Piece:
    text: str
    marked: bool


def _pieces(request: MessagesRequest) -> list[_Piece]:
    """The prompt in the order in which the cache sees it: tools, system, messages."""
    pieces = [
        _Piece(
            _text(tool.model_dump(mode="json", exclude={"cache_control"}, exclude_unset=True)),
            tool.cache_control is not None,
        )
        for tool in request.tools
    ]
    pieces += [
        _Piece(_text(block.without_cache_mark()), block.cache_control is not None)
        for block in request.system_blocks
    ]
    for message in request.messages:
        for block in message.blocks:
            text = message.role + _text(block.without_cache_mark())
            pieces.append(_Piece(text, block.cache_control is not None))
    return pieces


def _text(value: JsonObject) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def prompt_tokens(request: MessagesRequest) -> int:
    """Tokens of the whole prompt, cached or not."""
    return sum(tokens(piece.text) for piece in _pieces(request))


@dataclass
class PromptCache:
    """The prefixes marked so far, by hash. Nothing expires: a replay is short."""

    _seen: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def account(self, request: MessagesRequest, output_tokens: int) -> TokenUsage:
        """Split the prompt into read, written and uncached tokens, and remember its marked prefixes."""
        digest = hashlib.sha256(request.model.encode())
        total = read = written = 0
        marks: set[str] = set()
        with self._lock:
            for piece in _pieces(request):
                digest.update(piece.text.encode())
                total += tokens(piece.text)
                prefix = digest.hexdigest()
                if prefix in self._seen:
                    read = total
                if piece.marked:
                    marks.add(prefix)
                    written = total
            self._seen |= marks
        written = max(written, read)
        return TokenUsage(
            input_tokens=total - written,
            cache_write_tokens=written - read,
            cache_read_tokens=read,
            output_tokens=output_tokens,
        )
