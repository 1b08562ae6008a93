"""Which recording answers a request: found by lines in its prompt, with no state between requests."""

from __future__ import annotations

import json
import re
from datetime import date

from factory_assets.domain.builds import Phase
from factory_assets.replay.messages_questions import question_scene
from factory_assets.replay.messages_reply import ApiError
from factory_assets.replay.messages_request import MessagesRequest
from factory_assets.replay.messages_research import TASKS, research_scene
from factory_assets.replay.messages_scene import Scene, scene_of, structured_scene
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import (
    WORKSPACE,
    Analysis,
    AnalysisTask,
    RecordedTurn,
)

_REPAIR = "repair"
_NOTHING = (RecordedTurn(say="I change nothing."),)
_LINE = re.compile(
    r"^(?P<key>Repository|Phase|Workspace|Round|Date|Task):[ \t]*(?P<value>\S.*?)[ \t]*$", re.MULTILINE
)


def _lines(text: str) -> dict[str, str]:
    """The first value of each line that the choice goes by."""
    found: dict[str, str] = {}
    for match in _LINE.finditer(text):
        found.setdefault(match["key"], match["value"])
    return found


def choose(recordings: Recordings, request: MessagesRequest, *, from_claude_code: bool) -> Scene:
    """The turn that answers the request.

    An agent's conversation goes by the lines `Repository:`, `Phase:`, `Workspace:` and `Round:` of its first message,
    an analysis by `Date:` and `Task:`, a question about a repo by `Repository:` and `Task:`. Claude Code asks small
    things of its own (a title, a topic) without tools: these get a short plain answer.

    Raises:
        ApiError: 400, naming what was looked for, when nothing fits.
    """
    lines = _lines(request.opening)
    if "Date" in lines and "Task" in lines:
        return _analysis_scene(recordings, request, lines)
    if "Repository" in lines and "Task" in lines:
        return question_scene(recordings, request, lines)
    if request.tools and "Repository" in lines and "Phase" in lines:
        return _agent_scene(recordings, request, lines)
    if from_claude_code and not request.tools:
        return Scene("side call", request.answered, RecordedTurn(say="OK"))
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
    key: str, turns: tuple[RecordedTurn, ...], request: MessagesRequest, lines: dict[str, str]
) -> Scene:
    scene = scene_of(key, turns, request.answered)
    workspace = lines.get("Workspace")
    if workspace is None and WORKSPACE in scene.turn.model_dump_json():
        raise ApiError(
            400, f"The recording of {scene.key} needs the line 'Workspace: /absolute/path' in the prompt."
        )
    return Scene(scene.key, scene.index, _placed(scene.turn, workspace or ""))


def _placed(turn: RecordedTurn, workspace: str) -> RecordedTurn:
    """The turn with the workspace's path put in."""
    path = json.dumps(workspace, ensure_ascii=False)[1:-1]
    return RecordedTurn.model_validate_json(turn.model_dump_json(exclude_unset=True).replace(WORKSPACE, path))


def _analysis_scene(recordings: Recordings, request: MessagesRequest, lines: dict[str, str]) -> Scene:
    key = f"analysis {lines['Date']} {lines['Task']}"
    is_research = lines["Task"] in TASKS
    try:
        day = date.fromisoformat(lines["Date"])
        task = AnalysisTask.ANALYZE if is_research else AnalysisTask(lines["Task"])
    except ValueError as error:
        raise ApiError(400, f"No recording fits {key}: {error}.") from None
    analysis = recordings.analysis(day)
    if analysis is None:
        raise ApiError(
            400, f"No recording fits: looked for an analysis of {day}, and there is none for each."
        )
    if is_research:
        return research_scene(analysis, lines["Task"], request)
    turns = analysis.turns(task)
    if turns is not None:
        return scene_of(key, turns, request.answered)
    return structured_scene(key, request, lambda: _answer(analysis, task, request))


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
