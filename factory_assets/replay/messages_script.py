"""Which recording answers a request: found by lines in its prompt, with no state between requests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from factory_assets.domain.builds import Phase
from factory_assets.domain.readings import folded
from factory_assets.replay.messages_reply import ApiError
from factory_assets.replay.messages_request import MessagesRequest
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import (
    WORKSPACE,
    Analysis,
    AnalysisTask,
    OtherCall,
    Reading,
    RecordedFinding,
    Turn,
)

# Claude Code's own tool for a structured answer (its option --json-schema).
_STRUCTURED_OUTPUT = "StructuredOutput"
_REPAIR = "repair"
_NOTHING = (Turn(say="I change nothing."),)
_NUMBER = re.compile(r"^ *\d+\| ", re.MULTILINE)
_LINE = re.compile(
    r"^(?P<key>Repository|Phase|Workspace|Round|Date|Task):[ \t]*(?P<value>\S.*?)[ \t]*$", re.MULTILINE
)


@dataclass(frozen=True)
class Scene:
    """A turn to play and where it stands: `key` names the conversation, `index` the turn in it."""

    key: str
    index: int
    turn: Turn


def _lines(text: str) -> dict[str, str]:
    """The first value of each line that the choice goes by."""
    found: dict[str, str] = {}
    for match in _LINE.finditer(text):
        found.setdefault(match["key"], match["value"])
    return found


def choose(recordings: Recordings, request: MessagesRequest, *, from_claude_code: bool) -> Scene:
    """The turn that answers the request.

    An agent's conversation goes by the lines `Repository:`, `Phase:`, `Workspace:` and `Round:` of its first message,
    an analysis by `Date:` and `Task:`, a reading by `Repository:` and `Task:`. Claude Code asks small things of its own
    (a title, a topic) without tools: these get a short plain answer.

    Raises:
        ApiError: 400, naming what was looked for, when nothing fits.
    """
    lines = _lines(request.opening)
    if "Date" in lines and "Task" in lines:
        return _analysis_scene(recordings, request, lines)
    if "Repository" in lines and "Task" in lines:
        return _reader_scene(recordings, request, lines)
    if request.tools and "Repository" in lines and "Phase" in lines:
        return _agent_scene(recordings, request, lines)
    if from_claude_code and not request.tools:
        return Scene("side call", request.answered, Turn(say="OK"))
    raise ApiError(
        400,
        "No recording fits: the first message has neither the lines 'Repository: NAME' and 'Phase: NAME'"
        " (with tools) nor one of them or 'Date: YYYY-MM-DD' with 'Task: NAME'."
        f" Found: {', '.join(f'{key}: {value}' for key, value in lines.items()) or 'none of them'}.",
    )


def _agent_scene(recordings: Recordings, request: MessagesRequest, lines: dict[str, str]) -> Scene:
    repo, phase = lines["Repository"], lines["Phase"]
    conversation = recordings.conversations.get(repo)
    if conversation and lines.get("Round", "").startswith(_REPAIR):
        return _placed_scene(f"{repo} {lines['Round']}", conversation.repair or _NOTHING, request, lines)
    turns = conversation.turns(Phase(phase)) if conversation and phase in set(Phase) else None
    if turns is None:
        raise ApiError(400, f"No recording fits: looked for repository {repo!r}, phase {phase!r}.")
    return _placed_scene(f"{repo} {phase}", turns, request, lines)


def _placed_scene(
    key: str, turns: tuple[Turn, ...], request: MessagesRequest, lines: dict[str, str]
) -> Scene:
    scene = _scene(key, turns, request.answered)
    workspace = lines.get("Workspace")
    if workspace is None and WORKSPACE in scene.turn.model_dump_json():
        raise ApiError(
            400, f"The recording of {scene.key} needs the line 'Workspace: /absolute/path' in the prompt."
        )
    return Scene(scene.key, scene.index, _placed(scene.turn, workspace or ""))


def _placed(turn: Turn, workspace: str) -> Turn:
    """The turn with the workspace's path put in."""
    path = json.dumps(workspace, ensure_ascii=False)[1:-1]
    return Turn.model_validate_json(turn.model_dump_json(exclude_unset=True).replace(WORKSPACE, path))


def _scene(key: str, turns: tuple[Turn, ...], index: int) -> Scene:
    if index >= len(turns):
        raise ApiError(
            400, f"No recording fits: looked for turn {index + 1} of {key}, which has {len(turns)}."
        )
    return Scene(key, index, turns[index])


def _analysis_scene(recordings: Recordings, request: MessagesRequest, lines: dict[str, str]) -> Scene:
    key = f"analysis {lines['Date']} {lines['Task']}"
    try:
        day, task = date.fromisoformat(lines["Date"]), AnalysisTask(lines["Task"])
    except ValueError as error:
        raise ApiError(400, f"No recording fits {key}: {error}.") from None
    analysis = recordings.analysis(day)
    if analysis is None:
        raise ApiError(
            400, f"No recording fits: looked for an analysis of {day}, and there is none for each."
        )
    turns = analysis.turns(task)
    if turns is not None:
        return _scene(key, turns, request.answered)
    return _structured_scene(key, request, lambda: _answer(analysis, task, request))


def _structured_scene(key: str, request: MessagesRequest, answer: Callable[[], str]) -> Scene:
    """An answer in JSON: by the tool where Claude Code asks, as text where the API is asked."""
    if all(tool.name != _STRUCTURED_OUTPUT for tool in request.tools):
        return Scene(key, request.answered, Turn(say=answer()))
    if request.answered:
        return Scene(key, request.answered, Turn(say="Done."))
    return Scene(key, 0, Turn(calls=(OtherCall(tool=_STRUCTURED_OUTPUT, input=json.loads(answer())),)))


def _reader_scene(recordings: Recordings, request: MessagesRequest, lines: dict[str, str]) -> Scene:
    key = f"reader {lines['Repository']} {lines['Task']}"
    conversation = recordings.conversations.get(lines["Repository"])
    reading = conversation.reader if conversation else Reading()
    turns = {"read": reading.read, "confirm": reading.confirm}.get(lines["Task"])
    if turns is not None:
        return _scene(key, turns, request.answered)
    if lines["Task"] == "read":
        return _structured_scene(key, request, lambda: _findings(reading, request))
    return _structured_scene(key, request, lambda: _ruling(reading, request))


def _findings(reading: Reading, request: MessagesRequest) -> str:
    """The recorded findings that are true of the tree that was sent."""
    files = _block(request.user_text, "file")
    told = [
        recorded.finding.model_dump(mode="json") for recorded in reading.findings if _holds(recorded, files)
    ]
    return json.dumps({"findings": told}, ensure_ascii=False)


def _ruling(reading: Reading, request: MessagesRequest) -> str:
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
    is_mended = recorded.mended_by is not None and folded(recorded.mended_by) in files
    return folded(recorded.finding.quote) in files and not is_mended


def _block(text: str, name: str) -> str:
    """The lines of all blocks of that name without their numbers, white space folded."""
    blocks = re.findall(rf"^<{name}\b[^\n]*>\n(.*?)^</{name}>", text, re.MULTILINE | re.DOTALL)
    return folded(" ".join(_NUMBER.sub("", block) for block in blocks))


def _answer(analysis: Analysis, task: AnalysisTask, request: MessagesRequest) -> str:
    """The recorded specs that this very request allows.

    A first look may only name papers that were sent; a merge or a repair only specs that were sent, and a
    merge answers with their names alone.
    """
    text = request.user_text
    if task is AnalysisTask.ANALYZE:
        specs = [spec for spec in analysis.specs if all(paper in text for paper in spec.source_papers)]
    else:
        specs = [spec for spec in analysis.specs if re.search(rf"(?<![\w-]){spec.name}(?![\w-])", text)]
    if task is AnalysisTask.MERGE:
        return json.dumps({"names": [spec.name for spec in specs]})
    return json.dumps(
        {"specs": [spec.model_dump(mode="json", exclude_none=True) for spec in specs]}, ensure_ascii=False
    )
