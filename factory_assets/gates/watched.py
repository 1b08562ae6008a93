"""What the commands of a repo were seen to do, from all runs of the gates together."""

from __future__ import annotations

from dataclasses import dataclass, field

from factory_assets.domain.agents import Command, CommandResult, CommandRunner, Sighting

_LONGEST_WORD = 60
_MOST_WORDS = 6


@dataclass(frozen=True)
class Watched:
    """Runs commands, and keeps of each thing that was seen which command did it first."""

    commands: CommandRunner
    seen: dict[Sighting, str] = field(default_factory=dict)
    unwatched: dict[str, None] = field(default_factory=dict)

    @property
    def protections(self) -> tuple[str, ...]:
        """What contains the commands."""
        return self.commands.protections

    def run(self, command: Command) -> CommandResult:
        """Run to the end or the time-out."""
        result = self.commands.run(command)
        for sighting in result.sightings:
            self.seen.setdefault(sighting, _in_words(command))
        self.unwatched.update(dict.fromkeys(result.unwatched))
        return result


def _in_words(command: Command) -> str:
    words = [word if len(word) <= _LONGEST_WORD else "…" for word in command.argv]
    return " ".join(words[:_MOST_WORDS])
