"""Who holds a spec: a lease, with a number that grows each time that another one takes it."""

from __future__ import annotations

from dataclasses import dataclass

from factory_assets.domain.errors import FactoryError


class LeaseHeldError(FactoryError):
    """Another host holds the spec, and has said so lately."""


class LeaseLostError(FactoryError):
    """Another host has taken the spec over: whatever is written for it now is refused."""

    def __init__(self) -> None:
        super().__init__(
            "Another host has taken this spec over, because nothing was heard of this one for a while.",
            fix="Nothing is to be done: it goes on there.",
        )


class RunGivenUpError(FactoryError):
    """The run was taken for dead, since nothing was heard of its process."""


@dataclass(frozen=True)
class Lease:
    """What a build shows with all that it writes down."""

    spec_id: int
    fence: int
