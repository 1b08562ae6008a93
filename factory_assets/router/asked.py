"""What a request of the Messages API asks for, read once beside its bytes, which pass on as they came."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

# Claude Code names its session so: https://code.claude.com/docs/en/llm-gateway-protocol.
SESSION_HEADER = "x-claude-code-session-id"
# What goes into headers, files and counts: no control character, no half of a UTF-16 pair.
_NAME = re.compile("[^\\x00-\\x1f\\x7f\\ud800-\\udfff]{1,256}")
# More than any model gives.
_MOST_TOKENS = 10_000_000
_MODEL = re.compile(rb'("model"\s*:\s*)"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class Asked:
    """A request. `body` is empty where its bytes are no JSON object; `session` is the one it names, if any."""

    body: Mapping[str, JsonValue]
    session: str | None = None

    @classmethod
    def read(cls, content: bytes, *, session: str | None = None) -> Asked:
        """Read the body of a request; what makes no sense is left for the API to refuse."""
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        return cls(body if isinstance(body, dict) else {}, session)

    @property
    def model(self) -> str | None:
        """The model that is asked for; None where that can be no name of one, which the API then refuses."""
        model = self.body.get("model")
        return model if isinstance(model, str) and _NAME.fullmatch(model) else None

    @property
    def max_tokens(self) -> int:
        """The longest answer that is asked for, in tokens; 0 where none is named that makes sense."""
        most = self.body.get("max_tokens")
        if not isinstance(most, int) or isinstance(most, bool):
            return 0
        return min(max(most, 0), _MOST_TOKENS)

    @property
    def streams(self) -> bool:
        """Whether the answer is to come event by event."""
        return self.body.get("stream") is True

    @property
    def has_tools(self) -> bool:
        """Whether the model may call tools."""
        return bool(self.body.get("tools"))

    @property
    def wants_schema(self) -> bool:
        """Whether the answer must fit a JSON schema (`output_config.format`)."""
        config = self.body.get("output_config")
        return isinstance(config, dict) and config.get("format") is not None

    @property
    def is_plain(self) -> bool:
        """Whether it is a question by itself: no tools, no session whose later turns rest on the answer."""
        return bool(self.body) and self.session is None and not self.has_tools

    @property
    def turns(self) -> int:
        """How many messages the conversation has."""
        messages = self.body.get("messages")
        return len(messages) if isinstance(messages, list) else 0

    @property
    def system_text(self) -> str:
        """The system prompt's words."""
        return "\n".join(_texts(self.body.get("system")))

    @property
    def user_text(self) -> str:
        """The words of all messages of the user."""
        messages = self.body.get("messages")
        if not isinstance(messages, Sequence) or isinstance(messages, str):
            return ""
        said = (m.get("content") for m in messages if isinstance(m, dict) and m.get("role") == "user")
        return "\n".join(text for content in said for text in _texts(content))


def with_model(content: bytes, model: str) -> bytes:
    """The same request for another model: not one byte beside the model's name is changed.

    Raises:
        ValueError: the request names no model that could be replaced.
    """
    body = json.loads(content)
    wanted = {**body, "model": model}
    new = json.dumps(model).encode()
    for found in _MODEL.finditer(content):
        changed = content[: found.start()] + found.group(1) + new + content[found.end() :]
        if json.loads(changed) == wanted:
            return changed
    raise ValueError("The request names no model.")


def _texts(content: JsonValue) -> Iterator[str]:
    """The words of a string, or of the text blocks of a list."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for block in content:
            text = block.get("text") if isinstance(block, dict) else None
            if isinstance(text, str):
                yield text
