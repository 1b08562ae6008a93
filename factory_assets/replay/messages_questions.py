"""What the model answers when it is asked about one repo, without tools: by its reader and for its acceptance."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from pydantic import JsonValue

from factory_assets.domain.readings import folded
from factory_assets.domain.text import single_line
from factory_assets.replay.messages_reply import ApiError
from factory_assets.replay.messages_request import MessagesRequest
from factory_assets.replay.messages_scene import Scene, scene_of, structured_scene
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import (
    Agreement,
    RecordedFinding,
    RecordedReading,
    RecordedScenario,
)

_NUMBER = re.compile(r"^ *\d+\| ", re.MULTILINE)
_CALL = re.compile(r'^<call number="(\d+)">\n(.*?)^</call>', re.MULTILINE | re.DOTALL)


def question_scene(recordings: Recordings, request: MessagesRequest, lines: dict[str, str]) -> Scene:
    """The answer to what is asked about the repository in `Repository:`, by `Task:`."""
    task = lines["Task"]
    key = f"{lines['Repository']} {task}"
    conversation = recordings.conversations.get(lines["Repository"])
    reading = conversation.reader if conversation else RecordedReading()
    agreed = conversation.acceptance if conversation else Agreement()
    verbatim = {
        "read": reading.read,
        "confirm": reading.confirm,
        "accept": agreed.accept,
        "solve": agreed.solve,
    }
    answers: dict[str, Callable[[], str]] = {
        "read": lambda: _findings(reading, request),
        "confirm": lambda: _ruling(reading, request),
        "accept": lambda: _agreement(agreed),
        "solve": lambda: _solved(agreed, request),
        "dispute": lambda: _scenario_ruling(agreed, request),
    }
    turns = verbatim.get(task)
    if turns is not None:
        return scene_of(key, turns, request.answered)
    if task not in answers:
        raise ApiError(400, f"No recording fits {key}: the tasks of a repository are {', '.join(answers)}.")
    return structured_scene(key, request, answers[task])


def _agreement(agreed: Agreement) -> str:
    contract = agreed.contract.model_dump(mode="json")
    scenarios = [each.scenario.model_dump(mode="json") for each in agreed.scenarios]
    return json.dumps({"contract": contract, "scenarios": scenarios}, ensure_ascii=False)


def _solved(agreed: Agreement, request: MessagesRequest) -> str:
    """What the recording says of each call that was sent, found by its title."""
    results: list[dict[str, JsonValue]] = []
    for number, call in _CALL.findall(request.user_text):
        first = _NUMBER.sub("", call).partition("\n")[0]
        results += [
            {"number": int(number), **_result(recorded)}
            for recorded in agreed.scenarios
            if first == f"Title: {single_line(recorded.scenario.title)}"
        ]
    return json.dumps({"results": results}, ensure_ascii=False)


def _result(recorded: RecordedScenario) -> dict[str, JsonValue]:
    """A scenario's result as recorded, or the plainest one that it asks for."""
    if recorded.exit_code is not None:
        files: list[JsonValue] = [file.model_dump(mode="json") for file in recorded.files]
        told: dict[str, JsonValue] = {"stdout": recorded.stdout, "stderr": recorded.stderr, "files": files}
        return {"exit_code": recorded.exit_code, **told}
    asked: dict[str, list[str]] = {}
    for expected in recorded.scenario.expects:
        asked.setdefault(expected.of, []).append(expected.value)
    texts = {of: "\n".join(values) for of, values in asked.items()}
    written: list[JsonValue] = [
        {"path": of, "text": text} for of, text in texts.items() if of not in {"stdout", "stderr"}
    ]
    return {
        "exit_code": recorded.scenario.exit_code,
        "stdout": texts.get("stdout", ""),
        "stderr": texts.get("stderr", ""),
        "files": written,
    }


def _scenario_ruling(agreed: Agreement, request: MessagesRequest) -> str:
    about = _block(request.user_text, "scenario")
    is_so = all(
        recorded.upheld
        for recorded in agreed.scenarios
        if f"Title: {folded(recorded.scenario.title)} " in about
    )
    why = "The contract asks for it." if is_so else "The contract leaves this point open."
    return json.dumps({"is_so": is_so, "why": why})


def _findings(reading: RecordedReading, request: MessagesRequest) -> str:
    """The recorded findings that are true of the tree that was sent."""
    files = _block(request.user_text, "file")
    told = [
        recorded.finding.model_dump(mode="json") for recorded in reading.findings if _holds(recorded, files)
    ]
    return json.dumps({"findings": told}, ensure_ascii=False)


def _ruling(reading: RecordedReading, request: MessagesRequest) -> str:
    text = request.user_text
    about = _block(text, "finding")
    is_disputed = bool(_block(text, "dispute"))
    is_so = any(
        _holds(recorded, _block(text, "file")) and (recorded.upheld if is_disputed else recorded.confirmed)
        for recorded in reading.findings
        if folded(recorded.finding.quote) in about
    )
    return json.dumps({"is_so": is_so, "why": "It was looked at again." if is_so else "It does not hold."})


def _holds(recorded: RecordedFinding, files: str) -> bool:
    is_fixed = recorded.fixed_by is not None and folded(recorded.fixed_by) in files
    return folded(recorded.finding.quote) in files and not is_fixed


def _block(text: str, name: str) -> str:
    """The lines of all blocks of that name without their numbers, white space folded."""
    blocks = re.findall(rf"^<{name}\b[^\n]*>\n(.*?)^</{name}>", text, re.MULTILINE | re.DOTALL)
    return folded(" ".join(_NUMBER.sub("", block) for block in blocks))
