"""The worker that chaos kills, as a program: builds the specs whose names come on stdin, one after another.

On stdout stand the builds' log lines and, after an @, what the worker is about: `@git update-ref` before git starts,
`@start NAME` before another program does, `@registry` before a transaction, `@answer 0.0123` after an answer of the
model that cost so many dollars, `@ended shipped` after a build.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import corpus_harness

from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import StatusError
from factory_assets.llm.prices import cost_usd
from factory_assets.registry.postgres import PostgresDatabase
from factory_assets.replay.messages import MessagesApi, ReplayAnswer
from factory_assets.settings import REGISTRY_FILE

_Answers = Callable[[MessagesApi, Mapping[str, str], bytes], ReplayAnswer]


def main() -> None:
    """Build until stdin ends."""
    settings, limits = json.loads(Path(sys.argv[1]).read_text())
    MessagesApi.answer = _telling(MessagesApi.answer)  # type: ignore[method-assign]
    PostgresDatabase._begin = _telling_of_it(PostgresDatabase._begin)  # type: ignore[method-assign]
    sys.addaudithook(_tell_what_starts)
    _tell("@ready")
    for line in sys.stdin:
        _tell(f"@ended {_build(settings, limits, line.strip())}")


def _build(settings: Mapping[str, Any], limits: Mapping[str, float], name: str) -> str:
    try:
        ending = corpus_harness.build(settings, limits, name, _Told())
    except StatusError as error:
        return f"refused: {error.what}"
    if ending is None:
        return "busy"
    return f"{ending.verdict}: {ending.says}".replace("\n", " | ")


class _Told(list[str]):
    """Log lines that are told at once."""

    def append(self, line: str) -> None:
        _tell(line.replace("\n", " | "))


def _telling(answers: _Answers) -> _Answers:
    def answer(api: MessagesApi, headers: Mapping[str, str], body: bytes) -> ReplayAnswer:
        answered = answers(api, headers, body)
        counts = answered.reply.usage
        usage = Usage(
            input_tokens=counts.input_tokens,
            output_tokens=counts.output_tokens,
            cache_read_tokens=counts.cache_read_tokens,
            cache_write_tokens=counts.cache_write_tokens,
        )
        _tell(f"@answer {cost_usd(answered.reply.model, usage):.6f}")
        return answered

    return answer


def _telling_of_it(begin: Callable[..., None]) -> Callable[..., None]:
    def _begin(*args: Any) -> None:
        _tell("@registry")
        begin(*args)

    return _begin


def _tell_what_starts(event: str, args: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        words = [os.fsdecode(word) for word in args[1]]
        program = Path(words[0]).name
        if program == "git":
            given = [word for before, word in itertools.pairwise(words) if "-c" not in (before, word)]
            _tell(f"@git {given[0]}")
        else:
            _tell(f"@start {program}")
    elif event == "fcntl.flock" and args[1] == fcntl.LOCK_EX | fcntl.LOCK_NB and _is_registry(args[0]):
        _tell("@registry")


def _is_registry(descriptor: int) -> bool:
    return Path(f"/proc/self/fd/{descriptor}").readlink().name == f"{REGISTRY_FILE}.lock"


def _tell(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    main()
