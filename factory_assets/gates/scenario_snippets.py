"""Whether a scenario's code gives the same answer everywhere and always, as far as its syntax shows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from factory_assets.domain.specs import Language
from factory_assets.languages import LANGUAGES
from factory_assets.languages.facts import read_facts
from factory_assets.languages.parsing import nodes
from factory_assets.languages.parts import Facts
from factory_assets.languages.unsteady import CHANCE, Unsteady


def snippet_fault(language: Language, code: str) -> str | None:
    """Why code cannot be a scenario's; None where it can."""
    facts = read_facts(language, code)
    if facts.faults:
        line, reason = facts.faults[0]
        return f"line {line} of the snippet is no code of the language: {reason}"
    unsteady = LANGUAGES[language].unsteady
    called = [call.callee for call in facts.calls]
    is_seeded = any(_is_called(one, seed) for one in called for seed in unsteady.seeds)
    for name, asked in _asked(unsteady, facts, called):
        if asked != CHANCE or not is_seeded:
            return f"the snippet asks {asked}, by {name}"
    return None


def uncommented(language: Language, code: str) -> str:
    """A scenario's code without what it says to its readers."""
    facts = read_facts(language, code)
    return facts.blanked(facts.comments)


def _asked(unsteady: Unsteady, facts: Facts, called: list[str]) -> Iterator[tuple[str, str]]:
    source = facts.source
    for node in source.nodes(*unsteady.importing) if unsteady.importing else ():
        quoted = [source.text(one) for one in nodes(node, *unsteady.quoted)] if unsteady.quoted else []
        text = " ".join(quoted) or source.text(node)
        yield from ((name, asked) for name, asked in unsteady.modules.items() if _is_named(text, name))
    for callee in called:
        yield from ((callee, asked) for name, asked in unsteady.calls.items() if _is_called(callee, name))
    for node in source.nodes(*unsteady.naming) if unsteady.naming else ():
        if (name := source.text(node)) in unsteady.names:
            yield name, unsteady.names[name]
    code = "".join(facts.code.split())
    yield from ((text, asked) for text, asked in unsteady.texts.items() if text in code)


def _is_called(callee: str, name: str) -> bool:
    return callee == name or callee.endswith((f".{name}", f"::{name}"))


def _is_named(text: str, module: str) -> bool:
    return re.search(rf"(?<![\w./:-]){re.escape(module)}(?![\w-])", text) is not None
