"""A turn that answers a request, and where it stands in its conversation."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from factory_assets.replay.messages_reply import ApiError
from factory_assets.replay.messages_request import MessagesRequest
from factory_assets.replay.recordings_model import OtherCall, RecordedTurn

# Claude Code's own tool for a structured answer (its option --json-schema).
_STRUCTURED_OUTPUT = "StructuredOutput"


@dataclass(frozen=True)
class Scene:
    """A turn to play and where it stands: `key` names the conversation, `index` the turn in it."""

    key: str
    index: int
    turn: RecordedTurn


def scene_of(key: str, turns: tuple[RecordedTurn, ...], index: int) -> Scene:
    """The turn of that number.

    Raises:
        ApiError: 400, when there are fewer.
    """
    if index >= len(turns):
        raise ApiError(
            400, f"No recording fits: looked for turn {index + 1} of {key}, which has {len(turns)}."
        )
    return Scene(key, index, turns[index])


def structured_scene(key: str, request: MessagesRequest, answer: Callable[[], str]) -> Scene:
    """An answer in JSON: by the tool where Claude Code asks, as text where the API is asked."""
    if all(tool.name != _STRUCTURED_OUTPUT for tool in request.tools):
        return Scene(key, request.answered, RecordedTurn(say=answer()))
    if request.answered:
        return Scene(key, request.answered, RecordedTurn(say="Done."))
    return Scene(
        key, 0, RecordedTurn(calls=(OtherCall(tool=_STRUCTURED_OUTPUT, input=json.loads(answer())),))
    )
