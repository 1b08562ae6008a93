"""One run of Claude Code through its SDK: reads its messages to its result, within its time."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from factory_assets.domain.builds import Usage
from factory_assets.domain.redaction import Redactor
from factory_assets.domain.refusals import Fault, Refusal, classify
from factory_assets.llm.claude_code_ending import Ending, ProgramResult, is_final
from factory_assets.llm.claude_code_lines import one_line, tool_line
from factory_assets.llm.claude_code_meter import Meter, growth, total_usage
from factory_assets.llm.model_access import Pass
from factory_assets.sandbox import Launch

if TYPE_CHECKING:
    from claude_agent_sdk import (
        AssistantMessage,
        ClaudeAgentOptions,
        Message,
        ResultMessage,
        SystemMessage,
        UserMessage,
    )

_SYNTHETIC = "<synthetic>"
_STDERR_LINES = 20
_STRUCTURED_TOOL = "StructuredOutput"
# What the program may take to write its session down once its result is there. It would wait without end for commands
# that its agent left in the background.
_LAST_SECONDS = 3.0
_LONGEST_WAIT = timedelta(hours=24)


@dataclass(frozen=True)
class Limits:
    """How far a run may go: wall time, and the refusals of its credential to bear."""

    timeout_seconds: float
    patience: int


@dataclass
class Run:
    """A run and what is known of it; `watch` reads it to its end.

    A resumed session goes on counting where it stopped: `spent_before` is its total then, `session_total` the
    total that the program named at the end. Code of an agent can write lines that look like the program's, so
    that `way`, where there is one, has the last word on money and refusals.
    """

    launch: Launch
    workspace: Path
    limits: Limits
    report: Callable[[str], None]
    metered: Callable[[Usage], None]
    redact: Redactor
    model: str
    way: Pass | None = None
    spent_before: Usage = field(default_factory=Usage)
    session_total: Usage | None = None
    session_id: str | None = None
    turns: int = 0
    seconds: float = 0.0
    answer: str | None = None
    meter: Meter = field(default_factory=Meter)
    _result: ProgramResult | None = None
    _api_error: str | None = None
    _limit_resets_at: datetime | None = None
    _refused: Refusal | None = None
    _timed_out: bool = False
    _silent_seconds: float = 0.0
    _stopped: str | None = None
    _refusals_told: set[str] = field(default_factory=set)
    _failure: str | None = None
    _stderr: deque[str] = field(default_factory=lambda: deque(maxlen=_STDERR_LINES))

    @property
    def usage(self) -> Usage:
        """Tokens and dollars: as the program's result says, or estimated when it gave none.

        Where there is a way its counts hold, and the dollars are never less than it saw, nor more than it can
        have let through.
        """
        said = self.meter.estimate
        if self.session_total is not None:
            total = growth(self.spent_before, self.session_total)
            said = total.model_copy(update={"calls": self.meter.calls})
        if self.way is None:
            return said
        seen = self.way.seen.usage
        most = min(said.cost_usd, self.way.limit_usd)
        return seen.model_copy(update={"cost_usd": max(seen.cost_usd, most)})

    @property
    def ending(self) -> Ending:
        """How the run ended, secrets removed."""
        result = self._result
        return Ending(
            result=result and ProgramResult(**{**vars(result), "text": self.redact(result.text)}),
            api_refusal=self._api_refusal(),
            limit_resets_at=self._limit_resets_at,
            refused=self._refused,
            timed_out_after=self.limits.timeout_seconds if self._timed_out else None,
            silent_seconds=self._silent_seconds,
            stopped=self._stopped,
            failure=self._failure and self.redact(self._failure),
            stderr=self.redact(" ".join(self._stderr)),
            seen_calls=self.way.seen if self.way else None,
        )

    def _api_refusal(self) -> Refusal | None:
        if self._result is None or not self._result.is_error:
            return None
        return classify(
            status=self._result.api_error_status,
            kind=self._api_error or "",
            words=self.redact(self._result.text),
            now=datetime.now(UTC),
        )

    def hear(self, line: str) -> None:
        """Take a line of the program's stderr."""
        self._stderr.append(one_line(line))

    def watch(self, prompt: str, options: ClaudeAgentOptions) -> None:
        """Run to the result; afterwards nothing of it is left running, whatever happened."""
        started = time.monotonic()
        watchdog = self.launch.watchdog()
        try:
            with watchdog:
                asyncio.run(self._watch(prompt, options))
        finally:
            self.launch.end()
            self.seconds = time.monotonic() - started
        self._stopped = watchdog.stopped
        self._tell_refusals()

    async def _watch(self, prompt: str, options: ClaudeAgentOptions) -> None:
        from claude_agent_sdk import ClaudeSDKError, query  # noqa: PLC0415  heavy

        limit = asyncio.create_task(self._stop_in_time())
        try:
            async for message in query(prompt=prompt, options=options):
                if self._result is not None:
                    continue
                try:
                    self._take(message)
                except (ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
                    self._say(f"a message of the program makes no sense: {error}")
                if self._result is not None:
                    limit.cancel()
                    limit = asyncio.create_task(self._stop_after(_LAST_SECONDS))
        except ClaudeSDKError as error:
            self._failure = str(error)
        except Exception as error:
            # The SDK raises bare exceptions when the program does not answer its control requests.
            if type(error) is not Exception:
                raise
            self._failure = str(error)
        finally:
            limit.cancel()
            # The loop must run once more to see the pipes of a killed program closed.
            await asyncio.sleep(0.05)

    async def _stop_in_time(self) -> None:
        await asyncio.sleep(self.limits.timeout_seconds)
        self._timed_out = True
        if self.way is not None:
            self._silent_seconds = self.way.seen.silent_seconds
        elif self.meter.calls == 0:
            self._silent_seconds = self.limits.timeout_seconds
        await self._stop_after(0.0)

    async def _stop_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        # Ending the program ends its messages; cancelling the SDK instead would wait for it politely.
        while True:
            self.launch.stop()
            await asyncio.sleep(0.5)

    def _take(self, message: Message) -> None:
        from claude_agent_sdk import (  # noqa: PLC0415  heavy
            AssistantMessage,
            RateLimitEvent,
            ResultMessage,
            SystemMessage,
            UserMessage,
        )

        self._tell_refusals()
        if isinstance(message, SystemMessage):
            self._take_system(message)
        elif isinstance(message, AssistantMessage):
            self._take_assistant(message)
        elif isinstance(message, UserMessage):
            self._take_tool_results(message)
        elif isinstance(message, RateLimitEvent):
            info = message.rate_limit_info
            if info.status == "rejected" and info.resets_at is not None:
                latest = datetime.now(UTC) + _LONGEST_WAIT
                seconds = max(0, min(info.resets_at, latest.timestamp()))
                self._limit_resets_at = datetime.fromtimestamp(seconds, UTC)
        elif isinstance(message, ResultMessage):
            self._take_result(message)

    def _take_system(self, message: SystemMessage) -> None:
        data = message.data
        if message.subtype == "init":
            self.session_id = data.get("session_id")
        if message.subtype != "api_retry":
            return
        status, error = data.get("error_status"), str(data.get("error"))
        attempt, wait = int(data.get("attempt", 1)), float(data.get("retry_delay_ms", 0)) / 1000
        self._say(
            f"the API failed ({status or 'no answer'}, {error}); attempt {attempt}, again in {wait:.0f} s"
        )
        if is_final(status=status, attempt=attempt, patience=self.limits.patience):
            self._refused = Refusal(Fault.CREDENTIAL, f"{status} {error}", status)
            self.launch.stop()

    def _take_assistant(self, message: AssistantMessage) -> None:
        from claude_agent_sdk import TextBlock, ToolUseBlock  # noqa: PLC0415  heavy

        # An error belongs to the end only if nothing was answered after it.
        self._api_error = message.error
        if message.model == _SYNTHETIC:
            return
        self.model = message.model
        self.meter.add(
            message_id=message.message_id or str(message.uuid),
            model=message.model,
            counts=message.usage or {},
            characters=sum(len(str(vars(block))) for block in message.content),
        )
        self.metered(self.usage)
        for block in message.content:
            if isinstance(block, ToolUseBlock):
                if block.name == _STRUCTURED_TOOL:
                    self.answer = json.dumps(block.input, ensure_ascii=False)
                self._say(tool_line(block.name, block.input, self.workspace))
            elif isinstance(block, TextBlock) and block.text.strip():
                self._say(f"says: {block.text}")

    def _take_tool_results(self, message: UserMessage) -> None:
        from claude_agent_sdk import ToolResultBlock  # noqa: PLC0415  heavy

        blocks = message.content if isinstance(message.content, list) else []
        for block in blocks:
            if isinstance(block, ToolResultBlock) and block.is_error:
                self._say(f"failed: {block.content}")

    def _take_result(self, message: ResultMessage) -> None:
        self.session_id = message.session_id
        self.turns = message.num_turns
        self.session_total = total_usage(
            {name: dict(usage) for name, usage in (message.model_usage or {}).items()},
            cost=message.total_cost_usd or 0.0,
        )
        if message.structured_output is not None:
            self.answer = json.dumps(message.structured_output, ensure_ascii=False)
        text = message.result or "; ".join(message.errors or ())
        self._result = ProgramResult(message.subtype, message.is_error, message.api_error_status, text)

    def _tell_refusals(self) -> None:
        egress = self.launch.confines.egress
        refused = egress.log.refused.all if egress else ()
        for line in (*refused, *(self.way.seen.not_passed if self.way else ())):
            if line not in self._refusals_told:
                self._refusals_told.add(line)
                self._say(f"the sandbox did not let through {line}")

    def _say(self, text: str) -> None:
        line = one_line(self.redact(text))
        self.report(f"turn {max(1, self.meter.calls)} · {line} · about ${self.usage.cost_usd:.4f}")
