"""The form of the answers of analysis: their JSON schemas, and reading what really came."""

from __future__ import annotations

import json
from collections.abc import Collection

from pydantic import BaseModel, JsonValue

from factory_assets.domain.specs import Spec
from factory_assets.llm.asking import NoAnswerError, schema_of

_MOST_STARTS = 200


class _SpecsAnswer(BaseModel):
    specs: list[Spec]


class _NamesAnswer(BaseModel):
    names: list[str]


SPECS_SCHEMA = schema_of(_SpecsAnswer)
NAMES_SCHEMA = schema_of(_NamesAnswer)


def read_specs(text: str) -> list[JsonValue]:
    """The specs of an answer as they came, not validated; whoever answered may have ignored the schema.

    Raises:
        NoAnswerError: no JSON, or no list of specs in it.
    """
    return _items(text, ("specs",))


def read_names(text: str, known: Collection[str]) -> list[str]:
    """The candidates' names in the order of an answer, unknown and repeated ones left out.

    Full specs instead of names are read by their names.

    Raises:
        NoAnswerError: no JSON, or no known name in it.
    """
    items = _items(text, ("names", "specs"))
    names = [item.get("name") if isinstance(item, dict) else item for item in items]
    ranked = [name for name in dict.fromkeys(str(name) for name in names) if name in known]
    if not ranked:
        raise NoAnswerError("it names none of the candidates")
    return ranked


def _items(text: str, keys: tuple[str, ...]) -> list[JsonValue]:
    found = _json(text)
    if isinstance(found, list):
        return found
    for key in keys:
        items = found.get(key)
        if isinstance(items, list):
            return items
    raise NoAnswerError(f"the JSON has no list {keys[0]!r}")


def _json(text: str) -> dict[str, JsonValue] | list[JsonValue]:
    """The first JSON object or array: alone, in a code fence, or with words around it."""
    decoder = json.JSONDecoder()
    starts = [index for index, char in enumerate(text) if char in "{["]
    for start in starts[:_MOST_STARTS]:
        try:
            found: JsonValue = decoder.raw_decode(text, start)[0]
        except (json.JSONDecodeError, RecursionError):
            continue
        if isinstance(found, dict) or (isinstance(found, list) and found):
            return found
    raise NoAnswerError("it is no JSON")
