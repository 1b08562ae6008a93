"""When two plain requests are one question: the key under which an answer is shared, or none.

A key is made of everything that was sent and of who pays for it, so that a request of which something was overlooked
is a miss and never somebody else's answer. Only what is known to leave the answer alone is left out, and only
requests whose every field is known not to look anything up outside have a key at all.

The order of papers is forgiven where the caller says in a header which blocks of its prompt are interchangeable, and
then by sorting the blocks themselves, whole texts and not ids: the same ids with another abstract are another question,
and a prompt whose order means something is never sorted because it happens to look like an analysis.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from factory_assets.llm.model_access import UNORDERED_HEADER, VARIABLE_HEADER
from factory_assets.router.asked import Asked

_FORM = "1"
# https://platform.claude.com/docs/en/api/messages, without whatever lets a server look something up or keep a state:
# a field that is not known here makes a request unshared.
_FIELDS = frozenset(
    {
        *("model", "messages", "system", "max_tokens", "stop_sequences", "stream", "metadata", "thinking"),
        *("temperature", "top_p", "top_k", "output_config", "output_format", "cache_control", "service_tier"),
        *("inference_geo", "tools"),
    }
)
_MESSAGE = frozenset({"role", "content"})
# None changes the answer. Whom it is for stands in `metadata`, too, and is kept: people do not share.
_MARK = "cache_control"
_LEFT_OUT = frozenset({"stream", "metadata", _MARK})
_ELEMENT = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_DATED = re.compile(r"-(?:20\d{6}|latest)$")


class _UnsharedError(Exception):
    """The request is none whose answer can be another's."""


@dataclass(frozen=True)
class CanonicalQuestion:
    """A request by what it asks.

    `key` is the question's, `in_flight_key` that of an answer under way, which has one form. `frame` stands for all
    but `variable`, the part that the caller named; both are empty where it named none.
    """

    key: str
    in_flight_key: str
    frame: str = ""
    variable: str = ""

    @classmethod
    def read(
        cls,
        content: bytes,
        asked: Asked,
        *,
        owner: str,
        target: str,
        headers: Iterable[tuple[bytes, bytes]],
    ) -> CanonicalQuestion | None:
        """The question of a request, or None where its answer is nobody else's.

        `asked` is what was read of `content`, `owner` the digest that `owner_of` makes, `target` the path with its
        query. An explicit temperature above 0 asks for answers that differ, and gets them; the models' own default
        does not. So does `cache-control: no-cache`, as in HTTP.
        """
        told = _told(headers)
        wishes = {wish.strip().lower() for wish in told.get("cache-control", "").split(",")}
        if not asked.is_plain or wishes & {"no-cache", "no-store"}:
            return None
        betas = {name: value for name, value in told.items() if name.startswith("anthropic-")}
        envelope = [_FORM, owner, target, betas]
        unordered = told.get(UNORDERED_HEADER, "")
        try:
            body = _body(content)
            key = _digest([*envelope, unordered, _sorted(body, unordered)])
            template, variable = _named(body, told.get(VARIABLE_HEADER, "")) or (None, "")
            frame = _digest([*envelope, "frame", template]) if template else ""
        except (_UnsharedError, RecursionError):
            return None
        return cls(key, f"{key} {'streamed' if asked.streams else 'whole'}", frame, variable)


def owner_of(*parts: str) -> str:
    """A digest of whom an answer belongs to: the backend, and the credential that pays for it there."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _told(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    told: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        told[name] = f"{told[name]},{value}" if name in told else value
    return told


def _body(content: bytes) -> dict[str, JsonValue]:
    """All that asks, checked field by field."""
    try:
        body: JsonValue = json.loads(content, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or body.keys() - _FIELDS:
        raise _UnsharedError
    for block in (*_messages(body), *_blocks(body.get("system", ""))):
        if block.get("type", "text") != "text":
            raise _UnsharedError
    if body.get("temperature") not in (None, 0):
        raise _UnsharedError
    asking = {
        name: _unmarked(value) if name in {"system", "messages"} else value
        for name, value in body.items()
        if name not in _LEFT_OUT
    }
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and "user_id" in metadata:
        asking["metadata"] = metadata["user_id"]
    return asking


def _unmarked(value: JsonValue) -> JsonValue:
    """Messages and blocks without the marks of the model's prompt cache."""
    if isinstance(value, list):
        return [_unmarked(item) for item in value]
    if isinstance(value, dict):
        return {name: _unmarked(item) for name, item in value.items() if name != _MARK}
    return value


def _unique(pairs: Sequence[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """An object as it was sent. Of a key that stands twice, another reader may take the other value."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _UnsharedError
    return found


def _messages(body: Mapping[str, JsonValue]) -> Iterator[Mapping[str, JsonValue]]:
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise _UnsharedError
    for message in messages:
        if not isinstance(message, dict) or message.keys() - _MESSAGE:
            raise _UnsharedError
        yield from _blocks(message.get("content"))


def _blocks(content: JsonValue) -> Iterator[Mapping[str, JsonValue]]:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise _UnsharedError
    for block in content:
        if not isinstance(block, dict) or not isinstance(block.get("text", ""), str):
            raise _UnsharedError
        yield block


def _sorted(body: Mapping[str, JsonValue], element: str) -> JsonValue:
    """The body with the blocks of an element taken out of the user's texts, in an order of their own."""
    if not _ELEMENT.fullmatch(element):
        return dict(body)

    def sort(text: str) -> JsonValue:
        between, blocks = _taken_out(text, element)
        return {"between": [list(lines) for lines in between], "blocks": [*sorted(blocks)]}

    return _with_texts(body, sort)


def _named(body: Mapping[str, JsonValue], element: str) -> tuple[JsonValue, str] | None:
    """The body without what stands in an element, and that; None unless there is exactly one of it."""
    if not _ELEMENT.fullmatch(element):
        return None
    found: list[str] = []

    def take(text: str) -> JsonValue:
        between, blocks = _taken_out(text, element)
        found.extend(blocks)
        return [list(lines) for lines in between]

    template = _with_texts({**body, "model": _DATED.sub("", str(body.get("model")))}, take)
    return (template, found[0]) if len(found) == 1 else None


def _taken_out(text: str, element: str) -> tuple[list[list[str]], list[str]]:
    """The blocks of an element, whose tags are lines of their own, and the lines before, between and after them."""
    start, end = f"<{element}>", f"</{element}>"
    between: list[list[str]] = [[]]
    blocks: list[str] = []
    block: list[str] | None = None
    for line in text.split("\n"):
        if block is None and line == start:
            block = []
        elif block is None:
            between[-1].append(line)
        elif line == end:
            blocks.append("\n".join(block))
            between.append([])
            block = None
        else:
            block.append(line)
    if block is not None:
        between[-1] += [start, *block]
    return between, blocks


def _with_texts(body: Mapping[str, JsonValue], change: Callable[[str], JsonValue]) -> dict[str, JsonValue]:
    """The body with the user's texts changed."""
    return {**body, "messages": [_changed(message, change) for message in _list(body.get("messages"))]}


def _changed(message: JsonValue, change: Callable[[str], JsonValue]) -> JsonValue:
    if not isinstance(message, dict) or message.get("role") != "user":
        return message
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": change(content)}
    return {**message, "content": [_block(block, change) for block in _list(content)]}


def _block(block: JsonValue, change: Callable[[str], JsonValue]) -> JsonValue:
    text = block.get("text") if isinstance(block, dict) else None
    return {**block, "text": change(text)} if isinstance(block, dict) and isinstance(text, str) else block


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
