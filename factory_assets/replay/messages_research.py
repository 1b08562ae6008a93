"""What the model answers about research: a spec with its claims, from a candidate or several, or the better of two."""

from __future__ import annotations

import json
import re

from pydantic import JsonValue

from factory_assets.replay.messages_reply import ApiError
from factory_assets.replay.messages_request import MessagesRequest
from factory_assets.replay.messages_scene import Scene, scene_of, structured_scene
from factory_assets.replay.recordings_model import Analysis, RecordedClaim, RecordedSynthesis

TASKS = frozenset({"synthesize", "fuse", "compare"})
_CANDIDATE = re.compile(r"^Candidate:[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_PIECE = re.compile(r'^<piece id="([A-Z]\d{1,2})">\n(.*?)^</piece>', re.MULTILINE | re.DOTALL)
_SPEC = re.compile(r'^<spec name="([AB])">\n\| Name: (\S+)', re.MULTILINE)
_NOTHING = "The recording sees nothing worth building in it."


def research_scene(analysis: Analysis, task: str, request: MessagesRequest) -> Scene:
    """The answer to what is asked about a candidate, several, or a pair.

    Raises:
        ApiError: 400, where the request names no candidate.
    """
    if task == "compare":
        return structured_scene(f"analysis {task}", request, lambda: _judgement(analysis, request.user_text))
    named = _CANDIDATE.search(request.opening)
    if named is None:
        raise ApiError(400, f"No recording fits {task}: the line 'Candidate: ID' is missing.")
    papers = tuple(named[1].split())
    key = f"analysis {task} {named[1]}"
    recorded = next((each for each in analysis.research if each.papers == papers), None)
    if recorded is not None and recorded.turns is not None:
        return scene_of(key, recorded.turns, request.answered)
    return structured_scene(key, request, lambda: _answer(analysis, recorded, request.user_text))


def _answer(analysis: Analysis, recorded: RecordedSynthesis | None, text: str) -> str:
    specs = {spec.name: spec for spec in analysis.specs}
    if recorded is None or recorded.spec not in specs:
        why = recorded.why_none if recorded and recorded.why_none else _NOTHING
        return json.dumps({"spec": None, "why_none": why, "claims": []})
    spec = specs[recorded.spec].model_dump(mode="json", exclude_none=True)
    pieces = dict(_PIECE.findall(text))
    claims = [told for claim in recorded.claims if (told := _claim(claim, pieces)) is not None]
    return json.dumps({"spec": spec, "why_none": "", "claims": claims}, ensure_ascii=False)


def _claim(claim: RecordedClaim, pieces: dict[str, str]) -> dict[str, JsonValue] | None:
    """The claim by the ids of this request; None where it rests on something that was not shown."""
    ids = {mark: _showing(mark, pieces) for mark in claim.rests_on}
    if not all(ids.values()):
        return None
    quotes: list[JsonValue] = [{"piece": ids[quote.of], "text": quote.text} for quote in claim.quotes]
    return {"kind": claim.kind, "text": claim.text, "pieces": list(ids.values()), "quotes": quotes}


def _showing(mark: str, pieces: dict[str, str]) -> str | None:
    return next((name for name, block in pieces.items() if mark in block), None)


def _judgement(analysis: Analysis, text: str) -> str:
    """Whichever spec the recording holds to be better, wherever it stands."""
    names = dict(_SPEC.findall(text))
    better = [place for place, name in names.items() if name in analysis.better]
    weak: list[JsonValue] = [
        {"kind": "missing behaviour", "severity": "minor", "why": "It leaves a format to whoever builds it."}
    ]
    found = {place.lower(): [] if place in better else weak for place in ("A", "B")}
    preferred = better[0] if len(better) == 1 else "neither is better"
    return json.dumps({**found, "better": preferred, "why": "As it was recorded."})
