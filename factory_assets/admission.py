"""The border of the queue: what a spec must fulfil to come in, from the analysis or from outside.

What stands in the queue already is a `Spec` and is read as it is, so that a rule that is new here breaks no spec
that was queued before it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from factory_assets.domain.sizes import LARGEST, MAX_LINES, MIN_LINES, SMALLEST, too_large
from factory_assets.domain.specs import Language, Spec
from factory_assets.languages.names import language_named, refusal


class NewSpec(Spec):
    """A spec that comes in: its repo's name is one that a repo of its language can have, in any spelling of that."""

    language: Annotated[Language, BeforeValidator(language_named)]

    @model_validator(mode="after")
    def _name_is_possible(self) -> NewSpec:
        if reason := refusal(self.name, self.language):
            raise ValueError(f"name: {reason}")
        return self

    def to_spec(self) -> Spec:
        """The spec as the queue holds it."""
        return Spec.model_validate(self.model_dump())


class ProposedSpec(NewSpec):
    """A spec of the analysis: small enough to be built in one sitting."""

    estimated_lines: int = Field(ge=MIN_LINES, le=MAX_LINES, description="Lines of code, tests left out.")


class OfferedSpec(NewSpec):
    """A spec from outside. It may be larger than what the analysis proposes; domain/sizes.py says by how much."""

    estimated_lines: int = Field(ge=SMALLEST, description="Lines of code, tests left out.")

    @model_validator(mode="after")
    def _size_is_possible(self) -> OfferedSpec:
        if self.estimated_lines > LARGEST:
            raise ValueError(f"estimated_lines: {too_large(self.estimated_lines)}")
        return self


def reasons_of(error: ValidationError) -> tuple[str, ...]:
    """Every fault that was found, each beginning with the field that it is in."""
    return tuple(
        ": ".join(
            part
            for part in (
                ".".join(str(step) for step in problem["loc"]),
                problem["msg"].removeprefix("Value error, "),
            )
            if part
        )
        for problem in error.errors(include_url=False)
    )
