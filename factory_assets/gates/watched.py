"""What the commands of a repo were seen to do, from all runs of the gates together."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from factory_assets.domain.agents import Command, CommandResult, CommandRunner, Sighting, SightingKind

_LONGEST_WORD = 60
_MOST_WORDS = 6


@dataclass(frozen=True)
class Watched:
    """Runs commands, and keeps of each thing that was seen which command did it first.

    `files` are paths of the repo, which nothing that is run has a reason to remove from the clone.
    """

    commands: CommandRunner
    files: tuple[str, ...] = ()
    seen: dict[Sighting, str] = field(default_factory=dict)
    unwatched: dict[str, None] = field(default_factory=dict)

    @property
    def protections(self) -> tuple[str, ...]:
        """What contains the commands."""
        return self.commands.protections

    def run(self, command: Command) -> CommandResult:
        """Run to the end or the time-out."""
        there = [path for path in self.files if os.path.lexists(command.workspace / path)]
        result = self.commands.run(command)
        gone = [path for path in there if not os.path.lexists(command.workspace / path)]
        for sighting in (*result.sightings, *(Sighting(SightingKind.GONE, path) for path in gone)):
            self.seen.setdefault(sighting, _in_words(command))
        self.unwatched.update(dict.fromkeys(result.unwatched))
        return result


def _in_words(command: Command) -> str:
    words = [word if len(word) <= _LONGEST_WORD else "…" for word in command.argv]
    return " ".join(words[:_MOST_WORDS])
