"""Specs that are handed to another factory, and the places that take them."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from factory_assets.domain.specs import RepoName


class Delivery(BaseModel):
    """One spec as another factory takes it. `document` is what it reads; the rest is what a table says beside it.

    `arxiv_id` and `title` are of the first paper that the spec rests on; `score` is that paper's, from 0 to 100.
    """

    model_config = ConfigDict(frozen=True)

    name: RepoName
    document: dict[str, JsonValue]
    arxiv_id: str
    title: str
    score: float = Field(ge=0, le=100)


class Delivered(StrEnum):
    """What has come of a delivery."""

    NEW = "delivered"
    BEFORE = "there already"
    TAKEN = "left, since somebody else's spec has its name there"


class DeliveryPlace(Protocol):
    """Where another factory looks for specs."""

    def put(self, delivery: Delivery) -> Delivered:
        """Deliver one, once: what is there already, whoever's it is, stays as it is.

        Raises:
            InfrastructureError: the place cannot be written.
        """
        ...
