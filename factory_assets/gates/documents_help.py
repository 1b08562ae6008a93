"""The options that documents show, held against what the repo's own programs say of themselves."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator

from factory_assets.gates.documents_shell import Shell
from factory_assets.gates.markdown import Document
from factory_assets.languages.entry_points import StartCommand, Words

HELP = frozenset({"--help", "-h", "-help", "help"})
_MOST_COMMANDS = 3
_WORD = re.compile(r"[\w-]+")


class Helps:
    """What each program of the repo answers to `--help`; asked for once, and empty where there is no answer in time."""

    def __init__(self, shell: Shell, sources: Iterable[str]) -> None:
        self._shell = shell
        self._texts: dict[Words, str] = {}
        self._sources = {word.strip("-") for text in sources for word in _WORD.findall(text)}

    def words(self, argv: Words) -> set[str]:
        """The words of a program's help."""
        return set(_WORD.findall(self._text(argv)))

    def option_faults(self, place: str, launch: StartCommand) -> Iterator[str]:
        """The options shown with a program that its help does not know, nor any source where no help lists options."""
        own = (
            launch.arguments[: launch.arguments.index("--")] if "--" in launch.arguments else launch.arguments
        )
        for word in own:
            option = word.strip("[]").partition("=")[0]
            known = self._options(launch.argv)
            # Go's flag package writes -name; elsewhere -abc may be three options.
            is_long = option.startswith("--") or (
                len(option) > 2 and known and "--" not in self._text(launch.argv)
            )
            if (
                option in HELP
                or not option.startswith("-")
                or not option.strip("-")[:1].isalpha()
                or not is_long
            ):
                continue
            if not _spellings(option) & known:
                known |= self._options_of_commands(launch.argv, own)
            if not _spellings(option) & (known or self._sources):
                where = "its --help" if known else "the source"
                yield f"{place} shows {option} with {_name(launch)}, and {where} does not know it"

    def _options_of_commands(self, argv: Words, own: Words) -> set[str]:
        """Those of the words that the help has for commands: options of the program may stand before one."""
        said = self.words(argv)
        commands = [word for word in own if not word.startswith("-") and word in said]
        return set().union(*(self._options((*argv, command)) for command in commands[:_MOST_COMMANDS]))

    def list_faults(self, name: str, document: Document) -> Iterator[str]:
        """Options in a list or table, of which at least one is known, that neither a help nor a source knows."""
        known = self._sources.union(*map(self._options, list(self._texts)))
        lists: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for code in document.codes:
            if code.group is not None and code.text.startswith("--") and code.text.strip("-"):
                lists[code.group].append((_WORD.findall(code.text)[0], code.line))
        for entries in lists.values():
            missing = [entry for entry in entries if not _spellings(entry[0]) & known]
            if len(missing) < len(entries):
                yield from (
                    f"{name}:{line} lists {option}, which no source knows" for option, line in missing
                )

    def _text(self, argv: Words) -> str:
        if argv not in self._texts:
            result = self._shell.run(f"{shlex.join(argv)} --help")
            self._texts[argv] = result.output if result else ""
        return self._texts[argv]

    def _options(self, argv: Words) -> set[str]:
        words = _WORD.findall(self._text(argv).replace("[no-]", ""))
        return {word.strip("-") for word in words if word.startswith("-")} - {"h", "help"}


def _spellings(option: str) -> set[str]:
    """An option as help or sources may write it."""
    name = option.strip("-")
    first, *rest = name.split("-")
    camel = first + "".join(part.title() for part in rest)
    return {name, name.removeprefix("no-"), name.replace("-", "_"), camel}


def _name(launch: StartCommand) -> str:
    return " ".join(launch.argv).removesuffix(" --")
