"""What a failed attempt says of itself in the bare repository, until the registry says it too."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from factory_assets.domain.builds import GateVerdict
from factory_assets.domain.renamed import Fix


class Failure(BaseModel):
    """Why an attempt has failed: what a gate refused, or what became of the agent.

    `queued_at` is when its spec was queued: a registry that was begun anew counts its attempts from one again.
    """

    model_config = ConfigDict(frozen=True)

    by: Literal["gate", "agent"]
    queued_at: datetime
    what: str
    where: str
    fix: Fix
    verdicts: tuple[GateVerdict, ...]


def read_failure(words: str | None, queued_at: datetime) -> Failure | None:
    """The failure that these words of a failed attempt tell of; None where they are not of this spec."""
    try:
        failure = Failure.model_validate_json(words or "")
    except ValidationError:
        return None
    return failure if failure.queued_at == queued_at else None
