"""A server of OpenAI's `POST /v1/embeddings` on loopback: how often a text has each of some words.

Wire form: https://platform.openai.com/docs/api-reference/embeddings/create. Its bounds are those of a local server: a
field that it does not know, more than 64 texts, an empty one and more dimensions than it has are refused. Where it has
a `key`, whoever does not show it is, too.
"""

from __future__ import annotations

import json
import re
from typing import Any

from json_server import Asked, JsonServer, Reply

MODEL = "words-1"
_MOST_AT_ONCE = 64
_KNOWN = {"model", "input", "dimensions", "user"}


class EmbeddingsServer(JsonServer):
    """The model knows `words`; its vectors are as long. It counts a token for each word that it reads."""

    def __init__(self, *words: str, key: str | None = None) -> None:
        super().__init__()
        self.words = words
        self.key = key

    @property
    def texts(self) -> list[str]:
        """All that it was sent, in order."""
        return [text for asked in self.asked for text in json.loads(asked.body)["input"]]

    def answer(self, asked: Asked) -> Reply:
        if (asked.method, asked.target) != ("POST", "/v1/embeddings"):
            return _refused("no such route", 404)
        if asked.headers.get("authorization") != (self.key and f"Bearer {self.key}"):
            return _refused("Incorrect API key provided.", 401)
        question = json.loads(asked.body)
        if question.get("model") != MODEL:
            return _refused(f"The model {question.get('model')} does not exist.", 404)
        texts, length = question.get("input"), question.get("dimensions", len(self.words))
        is_known = question.keys() <= _KNOWN and asked.headers.get("content-type") == "application/json"
        is_list = isinstance(texts, list) and 0 < len(texts) <= _MOST_AT_ONCE
        if not is_known or not is_list or length > len(self.words) or not all(map(_is_text, texts)):
            return _refused("The request is not valid.", 400)
        told = [
            {"object": "embedding", "index": place, "embedding": self._vector(text)[:length]}
            for place, text in enumerate(texts)
        ]
        tokens = sum(len(_words(text)) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        # Their order says nothing.
        return Reply({"object": "list", "data": told[::-1], "model": MODEL, "usage": usage})

    def _vector(self, text: str) -> list[float]:
        said = _words(text)
        return [float(said.count(word)) for word in self.words]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _refused(message: str, status: int) -> Reply:
    told: dict[str, Any] = {"message": message, "type": "invalid_request_error", "code": None}
    return Reply({"error": told}, status)
