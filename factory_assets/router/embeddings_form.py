"""Texts to be made into vectors, and the answer with these, in OpenAI's form.

https://platform.openai.com/docs/api-reference/embeddings/create. Local servers speak it as well, with less: so the
backend is asked for a list of texts and for plain numbers, whatever the caller wrote, and its answer is read before
anybody gets it. Tokens in the place of texts are refused: they are those of one model, and here nobody counts by them.
"""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, JsonValue

from factory_assets.router.forms import Form, JsonObject, UnconvertibleError, read
from factory_assets.router.openai_answer import Heard, error_from_chat, error_to_chat, heard

# As many as OpenAI takes at once; all of them together may have 300,000 tokens there.
_MOST_TEXTS = 2_048
_MOST_BYTES = 4 * 1024 * 1024
_MOST_DIMENSIONS = 65_536
_INTO = "a request for embeddings"
# Where a server counts no tokens.
_BYTES_PER_TOKEN = 4
_BAD_GATEWAY, _TOO_LARGE, _FIRST_ERROR = 502, 413, 400


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Request(Form):
    model: str = Field(min_length=1)
    input: Annotated[
        list[Annotated[str, Field(min_length=1)]],
        BeforeValidator(_listed),
        Field(min_length=1, max_length=_MOST_TEXTS),
    ]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1, le=_MOST_DIMENSIONS)
    user: str | None = None


class _Vector(Heard):
    index: int
    embedding: list[FiniteFloat] = Field(min_length=1)


class _Usage(Heard):
    prompt_tokens: int | None = Field(None, ge=0)
    total_tokens: int | None = Field(None, ge=0)


class _Answer(Heard):
    data: list[_Vector]
    model: str | None = None
    usage: _Usage | None = None


@dataclass(frozen=True)
class Turned:
    """An answer of another form: as the caller is given it, and in the Messages API's form, which is counted."""

    given: bytes
    counted: bytes


@dataclass(frozen=True)
class WantedVectors:
    """A request as it goes on to a backend, and what its answer has to hold."""

    model: str
    body: bytes
    count: int
    dimensions: int | None
    is_packed: bool

    @classmethod
    def read(cls, content: bytes) -> WantedVectors:
        """A request in OpenAI's form.

        Raises:
            UnconvertibleError: it is none, or larger than may be.
        """
        if len(content) > _MOST_BYTES:
            raise UnconvertibleError(
                f"The request is larger than {_MOST_BYTES} bytes.",
                fix="Send the texts in several requests.",
                status=_TOO_LARGE,
            )
        asked = read(_Request, content, _INTO)
        beside: JsonObject = {"dimensions": asked.dimensions, "user": asked.user}
        body: JsonObject = {"model": asked.model, "input": list[JsonValue](asked.input)}
        body |= {name: value for name, value in beside.items() if value is not None}
        return cls(
            model=asked.model,
            body=json.dumps(body).encode(),
            count=len(asked.input),
            dimensions=asked.dimensions,
            is_packed=asked.encoding_format == "base64",
        )

    @property
    def most_tokens(self) -> int:
        """What it takes at most, in tokens, roughly."""
        return -(-len(self.body) // _BYTES_PER_TOKEN)

    def turned(self, status: int, content: bytes) -> Turned:
        """A backend's answer, an error as well.

        Raises:
            UnconvertibleError: it does not hold the vectors that were asked for.
        """
        if status >= _FIRST_ERROR:
            return Turned(error_to_chat(content, status), error_from_chat(content, status))
        told = heard(_Answer, content)
        vectors = {vector.index: vector.embedding for vector in told.data}
        if len(told.data) != self.count or vectors.keys() != set(range(self.count)):
            raise _odd(f"it holds {len(told.data)} vectors for {self.count} texts")
        lengths = {len(vector) for vector in vectors.values()}
        if len(lengths) > 1:
            raise _odd("its vectors are of different lengths")
        if self.dimensions is not None and lengths != {self.dimensions}:
            raise _odd(f"its vectors have {lengths.pop()} dimensions, and {self.dimensions} were asked for")
        tokens = self._tokens(told.usage)
        model = told.model or self.model
        data: list[JsonValue] = [
            {"object": "embedding", "index": place, "embedding": self._encoded(vectors[place])}
            for place in range(self.count)
        ]
        usage: JsonObject = {"prompt_tokens": tokens, "total_tokens": tokens}
        given: JsonObject = {"object": "list", "data": data, "model": model, "usage": usage}
        counted = {"type": "message", "model": model, "usage": {"input_tokens": tokens, "output_tokens": 0}}
        return Turned(json.dumps(given).encode(), json.dumps(counted).encode())

    def _tokens(self, usage: _Usage | None) -> int:
        told = (usage.prompt_tokens, usage.total_tokens) if usage else ()
        return next((tokens for tokens in told if tokens is not None), self.most_tokens)

    def _encoded(self, vector: list[float]) -> JsonValue:
        """OpenAI's own client asks for little-endian 32-bit numbers in base64, unless it is told otherwise."""
        if not self.is_packed:
            return list[JsonValue](vector)
        try:
            return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        except OverflowError:
            raise _odd("a number is too large for 32 bits") from None


def _odd(why: str) -> UnconvertibleError:
    return UnconvertibleError(f"The backend's answer cannot be passed on: {why}.", status=_BAD_GATEWAY)
