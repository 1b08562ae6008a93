"""Which model a session of Claude Code was given, kept over restarts, so that none of its calls ever goes to another.

Thinking is signed for its model and for what stood before it, and another model finds no prompt cache: on 11,864
recorded sessions routing each call by score alone cost 131 % more than pricing the cache (weave-os/router #1020).

A session makes calls with several models (a small one beside its own) and with several system prompts (its subagents
have their own). So what is pinned is the model that is given for a model that was asked for. The system prompts that
were seen with it are kept beside it: one that is new is told and switches nothing, for a switch would break the
signatures of what was thought before and fix none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import JsonValue, TypeAdapter

from factory_assets.domain.errors import InfrastructureError
from factory_assets.router.asked import Asked
from factory_assets.router.stored import Stored

_SCHEMA = """
CREATE TABLE IF NOT EXISTS session_pins (
    owner TEXT NOT NULL,
    conversation BLOB NOT NULL,
    system BLOB NOT NULL,
    model TEXT NOT NULL,
    used_at REAL NOT NULL,
    PRIMARY KEY (owner, conversation, system)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_pins_by_use ON session_pins (used_at);
CREATE INDEX IF NOT EXISTS session_pins_of_owner ON session_pins (owner, used_at);
CREATE INDEX IF NOT EXISTS session_pins_by_system ON session_pins (system, used_at);
"""
_FIND = "SELECT system, model, used_at FROM session_pins WHERE owner = ? AND conversation = ?"
# The model of a talk that is pinned already goes before the one that is given.
_ADD = """
INSERT OR IGNORE INTO session_pins (owner, conversation, system, model, used_at) VALUES (?1, ?2, ?3, coalesce(
    (SELECT model FROM session_pins WHERE owner = ?1 AND conversation = ?2 LIMIT 1), ?4
), ?5)
"""
_FOUND = TypeAdapter(list[tuple[bytes, str, float]]).validate_python
_TOUCH = "UPDATE session_pins SET used_at = ? WHERE owner = ? AND conversation = ? AND system = ?"
_FORGET_OLD = "DELETE FROM session_pins WHERE used_at < ?"
# Times are whole in order: what is used later stands later, and of what was used at once either may go.
_FORGET_OF_OWNER = """
DELETE FROM session_pins WHERE owner = ?1 AND used_at < (
    SELECT used_at FROM session_pins WHERE owner = ?1 ORDER BY used_at DESC LIMIT 1 OFFSET ?2
)
"""
_FORGET_MORE = """
DELETE FROM session_pins WHERE used_at < (
    SELECT used_at FROM session_pins ORDER BY used_at DESC LIMIT 1 OFFSET ?
)
"""
_WARM = "SELECT DISTINCT model FROM session_pins WHERE system = ? AND used_at >= ?"
# A call's time is written down so seldom that most calls of a session write nothing.
_TOUCHED_EVERY_SECONDS = 60.0
# How long a prompt cache lives that nobody reads: https://platform.claude.com/docs/en/build-with-claude/prompt-caching.
_CACHE_SECONDS = 300.0
# Claude Code's first block names its version; API and cache leave it out, and before 2.1.181 it was another in each
# call: https://code.claude.com/docs/en/llm-gateway-protocol#system-prompt-attribution-block.
_ATTRIBUTION = "x-anthropic-billing-header:"
_MODEL_NAME = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True)
class Talk:
    """A session's calls for one model. `owner` is who may speak of it, such as the repo of its token."""

    owner: str
    session: str
    asked_model: str
    system: bytes

    @classmethod
    def of(cls, asked: Asked, *, owner: str) -> Talk | None:
        """The talk that a call belongs to; None for one outside a session, or for what can be no model's name."""
        model = asked.model
        if not asked.session or model is None or not _MODEL_NAME.fullmatch(model):
            return None
        return cls(owner, asked.session, model, system_digest(asked.body))

    @property
    def key(self) -> bytes:
        """Short, whatever a client may have put into its header."""
        return _digest(self.session, self.asked_model)


@dataclass(frozen=True)
class Pin:
    """The model that all calls of a talk go to; `is_new_prompt`: with a system prompt not seen in it before."""

    model: str
    is_new_prompt: bool = False


@dataclass(frozen=True)
class PinnedSessions:
    """The pins. Those not used for `most_age` go, and the longest unused of more than `most`, or `most_of_owner`."""

    _stored: Stored
    most_age: timedelta
    most: int
    most_of_owner: int

    @classmethod
    @contextmanager
    def open(
        cls,
        file: Path,
        *,
        most_age: timedelta = timedelta(days=30),
        most: int = 20_000,
        most_of_owner: int = 1_000,
    ) -> Iterator[PinnedSessions]:
        """Open them in a SQLite file.

        Raises:
            InfrastructureError: it cannot be read or written, here and in all that follows.
        """
        with Stored.open(file, _SCHEMA, what="The router's sessions") as stored:
            yield cls(stored, most_age, most, most_of_owner)

    def held(self, talk: Talk, now: datetime) -> Pin | None:
        """The pin of a talk, used once more; None where it has none yet."""
        found = _FOUND(self._stored.rows(_FIND, (talk.owner, talk.key)))
        if not found:
            return None
        model, moment = found[0][1], now.timestamp()
        last = next((used_at for system, _, used_at in found if system == talk.system), None)
        # A full disk takes no note of a use; the pin holds all the same.
        with suppress(InfrastructureError):
            if last is None:
                self._add(talk, model, moment)
            elif moment - last >= _TOUCHED_EVERY_SECONDS:
                with self._stored.transaction() as connection:
                    connection.execute(_TOUCH, (moment, talk.owner, talk.key, talk.system))
        return Pin(model, is_new_prompt=last is None)

    def pin(self, talk: Talk, model: str, now: datetime) -> Pin:
        """Pin a talk to a model. One that is pinned already keeps its model, which is the one returned."""
        self._add(talk, model, now.timestamp())
        return self.held(talk, now) or Pin(model)

    def warm(self, system: bytes, now: datetime) -> frozenset[str]:
        """The models whose prompt cache still holds a system prompt, as far as sessions have used it."""
        rows = self._stored.rows(_WARM, (system, now.timestamp() - _CACHE_SECONDS))
        return frozenset(str(model) for (model,) in rows)

    def _add(self, talk: Talk, model: str, moment: float) -> None:
        with self._stored.transaction() as connection:
            connection.execute(_ADD, (talk.owner, talk.key, talk.system, model, moment))
            connection.execute(_FORGET_OLD, (moment - self.most_age.total_seconds(),))
            connection.execute(_FORGET_OF_OWNER, (talk.owner, self.most_of_owner - 1))
            connection.execute(_FORGET_MORE, (self.most - 1,))


def system_digest(body: Mapping[str, JsonValue]) -> bytes:
    """A system prompt's digest, without Claude Code's attribution block."""
    system = body.get("system")
    blocks = system if isinstance(system, list) else [{"text": system}]
    texts = [
        text for block in blocks if isinstance(block, dict) and isinstance(text := block.get("text"), str)
    ]
    return _digest(*texts[1 if texts and texts[0].startswith(_ATTRIBUTION) else 0 :])


def _digest(*parts: str) -> bytes:
    total = hashlib.blake2b(digest_size=16)
    for part in parts:
        # A lone surrogate is valid JSON.
        content = part.encode("utf-8", "surrogatepass")
        total.update(len(content).to_bytes(8, "big") + content)
    return total.digest()
