"""What a case's agent leaves, laid without the agent's program: for cases that prove a gate and nothing of an agent."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from corpus_cases import CorpusCase

from factory_assets.domain.agents import AgentOutcome, AgentTask, Command, CommandRunner, OutcomeKind
from factory_assets.domain.builds import Phase, Usage
from factory_assets.replay.recordings_model import (
    WORKSPACE,
    BashCall,
    Conversation,
    ReadCall,
    RecordedTurn,
    WriteCall,
)

# Programs with which a case changes its files or tries them; any other may be what the case is about.
_PLAIN = re.compile(r"(make|sed|rm|chmod|gofmt) ")
# What Claude Code itself, or git, would act on.
_ACTED_ON = (f"{WORKSPACE}/.claude", f"{WORKSPACE}/.git/", f"{WORKSPACE}/.mcp")
_SETTINGS = {"factory_repair_rounds"}
_SECONDS = 120.0


def can_be_laid(case: CorpusCase, conversation: Conversation) -> bool:
    """Whether a case proves the same without the agent's program: it is bad by what it leaves, and by nothing it does.

    Good builds, and all that kill a worker, meet a fault of the API or a limit of the agent's, run the real program.
    """
    plain = case.case
    if (
        case.is_good
        or plain.kill
        or plain.again
        or plain.settings.keys() - _SETTINGS
        or "phase_seconds" in plain.limits
    ):
        return False
    phases = (conversation.build, conversation.seo, conversation.review, conversation.repair)
    return all(_is_plain(turn) for turns in phases for turn in turns or ())


def _is_plain(turn: RecordedTurn) -> bool:
    if turn.fault is not None or turn.stop_reason is not None:
        return False
    for call in turn.calls:
        match call:
            case WriteCall():
                if call.input.file_path.startswith(_ACTED_ON) or not call.input.file_path.startswith(
                    WORKSPACE
                ):
                    return False
            case BashCall():
                if not _PLAIN.match(call.input.command):
                    return False
            case ReadCall():
                pass
            case _:
                return False
    return True


class LaidAgents:
    """Does what a conversation's turns do: writes its files and runs its commands, these in the sandbox."""

    def __init__(self, conversation: Conversation, commands: CommandRunner) -> None:
        self._conversation = conversation
        self._commands = commands

    def run_agent(
        self, task: AgentTask, report: Callable[[str], None], meter: Callable[[Usage], None]
    ) -> AgentOutcome:
        """Lay the phase that the prompt names, or the repair."""
        named = re.search(r"^Phase: (\w+)$", task.prompt, re.MULTILINE)
        assert named is not None
        is_repair = re.search(r"^Round: repair", task.prompt, re.MULTILINE) is not None
        turns = self._conversation.repair if is_repair else self._conversation.turns(Phase(named[1]))
        for turn in turns or ():
            for call in turn.calls:
                if isinstance(call, WriteCall):
                    path = Path(call.input.file_path.replace(WORKSPACE, str(task.workspace)))
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(call.input.content.replace(WORKSPACE, str(task.workspace)))
                elif isinstance(call, BashCall):
                    command = call.input.command.replace(WORKSPACE, str(task.workspace))
                    self._commands.run(Command(("bash", "-c", command), task.workspace, _SECONDS))
        return AgentOutcome(
            kind=OutcomeKind.DONE,
            detail="",
            turns=len(turns or ()),
            usage=Usage(),
            seconds=0.0,
            session_id=None,
            model=task.model,
        )

    def forget(self, workspace: Path) -> None:
        """Nothing is kept of it."""
