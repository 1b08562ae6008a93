"""What a played catalogue answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue


@dataclass(frozen=True)
class CatalogueAnswer:
    """An answer in JSON."""

    status: int
    body: JsonValue
    headers: Mapping[str, str] = field(default_factory=dict)
