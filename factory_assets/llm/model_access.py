"""The way to the model for one run: a token that opens it for a while and for a sum, and what was seen of its calls.

What stands behind it holds the credential and counts; nothing that runs in a sandbox can change what it has seen.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from factory_assets.domain.agents import Purpose
from factory_assets.domain.builds import Usage
from factory_assets.domain.refusals import Refusal

GRANT_HEADER = "x-factory-grant"
"""Where a call shows its token that brings another credential along in the usual headers."""
UNORDERED_HEADER = "x-factory-unordered"
"""Names an element (`paper`): lines from <paper> to </paper> may stand in any order among themselves."""
VARIABLE_HEADER = "x-factory-variable"
"""Names an element (`papers`): what stands between its lines is what the request is about; the rest is template."""

BATCH_HEADER = "x-factory-batch"
"""Names a message batch that is to be made: of one name none is made a second time, the first is told of instead."""


@dataclass(frozen=True)
class SeenCalls:
    """What was seen of a run's calls, outside the sandbox, where no code of an agent can make it up.

    `refusal` is the last one after which nothing was answered any more. It is in doubt where the same credential, or
    the same model, had been accepted before in this run: code in the sandbox can have a good one refused.
    `silent_seconds` is for how long the API has said nothing of an answer that is waited for, `not_passed` what was
    asked and not let through.
    """

    usage: Usage = field(default_factory=Usage)
    silent_seconds: float = 0.0
    over_budget: bool = False
    refusal: Refusal | None = None
    is_doubted: bool = False
    not_passed: tuple[str, ...] = ()


class Pass(Protocol):
    """An open way: what a program shows as its credential, and what its calls have come to."""

    def token(self, beginning: str) -> str:
        """What to show as a credential; programs look at the beginning of one."""
        ...

    @property
    def limit_usd(self) -> float:
        """What its calls may cost."""
        ...

    @property
    def seen(self) -> SeenCalls:
        """What was seen so far."""
        ...


class ModelAccess(Protocol):
    """Whatever opens ways to a model."""

    @property
    def url(self) -> str:
        """Where the Messages API is spoken, on this machine's loopback."""
        ...

    def open(
        self,
        purpose: Purpose,
        *,
        limit_usd: float,
        seconds: float,
        login: bool = False,
        plain: bool = False,
        batches: bool = False,
    ) -> AbstractContextManager[Pass]:
        """Open a way for at most so long and so many dollars; it is shut at the end of the context.

        Args:
            purpose: what the calls are for.
            limit_usd: what they may cost.
            seconds: for how long it stays open.
            plain: whether the calls are questions by themselves, which may share answers.
            batches: whether the Message Batches API is open, too.
            login: whether the calls bring a person's own login of Claude Code along, which is passed on as it is.
        """
        ...
