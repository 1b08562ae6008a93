"""What the tests of a repo claim to test, with the faults that they then have to notice.

A function that a test names is claimed by itself, with what it alone leads to; where tests name none, as those that
run the command in a process of its own, all that the command leads to is one claim. The names are those of the syntax
tree: no string, comment or import counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.mutants import Mutant, Part, draw, parts_of
from factory_assets.languages import LANGUAGES
from factory_assets.languages.facts import read_facts
from factory_assets.languages.parts import holds
from factory_assets.languages.sources import is_source, is_test_code

# Every other one, and the first is another value returned: tests that hold a function against itself alone miss that.
OF_A_FUNCTION = 2
# A few runs of a command cannot reach all of it.
OF_ALL = 5


@dataclass(frozen=True)
class Claim:
    """Something that tests claim to test, and its faults, those first that are likeliest to be noticed.

    Of every `share` faults one has to be noticed.
    """

    name: str
    faults: tuple[Mutant, ...]
    share: int


def claims(language: Language, tree: Tree, *, seed: str, most: int) -> Iterator[Claim]:
    """Functions that tests name, public ones first; or the command, or else all the code, as the only claim.

    The same tree and seed give the same claims in the same order.

    Args:
        language: whose sources and tests are read.
        tree: the files of the commit.
        seed: what the order is drawn from.
        most: faults of one claim.
    """
    known = LANGUAGES[language]
    sources = [(path, file.text) for path, file in sorted(tree.items()) if is_source(language, path, file)]
    parts = [part for path, text in sources for part in parts_of(language, path, text)]
    named = {name for path, file in tree.items() for name in _named_in_tests(language, path, file.text)}
    by_name: dict[str, list[Part]] = {}
    for part in parts:
        by_name.setdefault(part.name, []).append(part)
    entries = known.faults.entries | {""}
    tested = [
        part for part in parts if part.is_function and part.name in named - entries and part.name[:2] != "__"
    ]
    tested.sort(key=lambda part: (part.name.startswith("_"), draw(f"{seed}{part.path}{part.name}")))
    alone = {part.name for part in tested}
    found = False
    for part in tested:
        if faults := _faults(part, by_name, alone, seed, most):
            found = True
            yield Claim(f"{part.path}: {part.name}", faults, OF_A_FUNCTION)
    if found:
        return
    starts = [part for part in parts if part.name in named] or [
        part for part in parts if part.name in entries
    ]
    reached = list(_reached(starts, by_name, set()))
    # A command's own function is for the most part the reading of options; what it leads to does the work.
    reached.sort(key=lambda part: (part.name in entries, not part.is_function))
    if faults := _in_turns(reached, seed, most) or _in_turns(parts, seed, most):
        yield Claim("the code", faults, OF_ALL)


def _named_in_tests(language: Language, path: str, text: str) -> Iterator[str]:
    """The names in a test file, or in the tests that a source holds, but for those in imports."""
    known = LANGUAGES[language]
    is_test = is_test_code(language, path)
    if not path.endswith(known.source_suffixes) and not is_test:
        return
    facts = read_facts(language, text)
    stack = [facts.source.root]
    while stack:
        node = stack.pop()
        if node.type in known.faults.names and (is_test or holds(facts.tests, node.start_byte)):
            yield facts.source.text(node)
        stack += node.children if node.type not in known.faults.imports else []


def _reached(starts: Iterable[Part], by_name: Mapping[str, list[Part]], without: set[str]) -> Iterator[Part]:
    """The parts themselves and all that they lead to by name, the nearest first, but for some names."""
    queue = list(starts)
    seen = without | {part.name for part in queue}
    for part in queue:
        yield part
        new = sorted((part.names - seen) & by_name.keys())
        seen.update(new)
        queue += chain.from_iterable(by_name[name] for name in new)


def _faults(
    part: Part, by_name: Mapping[str, list[Part]], alone: set[str], seed: str, most: int
) -> tuple[Mutant, ...]:
    """The faults in a function, then those in what it leads to and no test names."""
    found: list[Mutant] = []
    for one in islice(_reached([part], by_name, alone), most):
        found += islice(one.mutants(seed), most - len(found))
    return tuple(found)


def _in_turns(parts: Iterable[Part], seed: str, most: int) -> tuple[Mutant, ...]:
    turns = zip_longest(*(part.mutants(seed) for part in parts))
    return tuple(islice((mutant for turn in turns for mutant in turn if mutant), most))
