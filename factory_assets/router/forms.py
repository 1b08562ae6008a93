"""The form of a request that is to be said in another: what it may hold, and how it is refused."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from factory_assets.domain.errors import InputError

JsonObject = dict[str, JsonValue]
Read = TypeVar("Read", bound="Form")
# Before the message of a validator's own.
_PREFIX = "Value error, "


class UnconvertibleError(InputError):
    """What stands in `where` cannot be said in the other form. `status` is the HTTP status to answer with."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", status: int = 400) -> None:
        super().__init__(what, where=where, fix=fix)
        self.status = status


class Form(BaseModel):
    """What a request may hold; any other field is an error that names it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def read(form: type[Read], content: bytes, into: str) -> Read:
    """A request in its form.

    Raises:
        UnconvertibleError: with the first field that is wrong, or that cannot be said to `into`.
    """
    try:
        return form.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        unknown = first["type"] == "extra_forbidden"
        raise UnconvertibleError(
            f"There is no such field in {into}." if unknown else f"{first['msg'].removeprefix(_PREFIX)}.",
            where=_field(content, first["loc"]) or "the request",
            fix=f"Leave it out: it cannot be passed on to {into}." if unknown else "",
        ) from error


def _field(content: bytes, steps: tuple[int | str, ...]) -> str:
    """Where in the request that is: of pydantic's steps those that are the request's own."""
    try:
        at: JsonValue = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    own: list[str] = []
    for number, step in enumerate(steps):
        if isinstance(at, dict) and isinstance(step, str) and (step in at or number + 1 == len(steps)):
            at = at.get(step)
        elif isinstance(at, list) and isinstance(step, int) and step < len(at):
            at = at[step]
        else:
            continue
        own.append(str(step))
    return ".".join(own)
