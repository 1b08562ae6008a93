"""A server of OpenAI's `POST /v1/embeddings` on loopback: how often a text has each of some words."""

from __future__ import annotations

import json
import re
from typing import Any

from json_server import Asked, JsonServer, Reply

MODEL = "words-1"
_MOST_AT_ONCE = 64


class EmbeddingsServer(JsonServer):
    """The model knows `words`; its vectors are as long."""

    def __init__(self, *words: str) -> None:
        super().__init__()
        self.words = words

    @property
    def texts(self) -> list[str]:
        """All that it was sent, in order."""
        return [text for asked in self.asked for text in json.loads(asked.body)["input"]]

    def answer(self, asked: Asked) -> Reply:
        if (asked.method, asked.path) != ("POST", "/v1/embeddings"):
            return Reply({"error": {"message": "no such route"}}, 404)
        question = json.loads(asked.body)
        if question.keys() != {"model", "input"} or question["model"] != MODEL:
            return _refused(f"The model {question.get('model')} does not exist.", 404)
        texts = question["input"]
        if not 0 < len(texts) <= _MOST_AT_ONCE or not all(text.strip() for text in texts):
            return _refused("input is not valid.", 400)
        told = [
            {"object": "embedding", "index": place, "embedding": self._vector(text)}
            for place, text in enumerate(texts)
        ]
        # Their order says nothing.
        return Reply({"object": "list", "data": told[::-1], "model": MODEL, "usage": {"total_tokens": 1}})

    def _vector(self, text: str) -> list[float]:
        said = re.findall(r"\w+", text.lower())
        return [float(said.count(word)) for word in self.words]


def _refused(message: str, status: int) -> Reply:
    told: dict[str, Any] = {"message": message, "type": "invalid_request_error", "code": None}
    return Reply({"error": told}, status)
