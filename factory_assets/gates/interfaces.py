"""The public interface of a repo: what others can call, by name, with its signature."""

from __future__ import annotations

from collections.abc import Mapping

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.languages import LANGUAGES
from factory_assets.languages.facts import read_facts
from factory_assets.languages.sources import is_source

Interface = Mapping[str, str]


def public_interface(language: Language, tree: Tree) -> Interface:
    """Each public name of the sources with its signature; names of one module share its path as a prefix.

    Options of the command line count: `--name` as a name of its own.
    """
    known = LANGUAGES[language]
    found: dict[str, str] = {}
    for path, file in sorted(tree.items()):
        if is_source(language, path, file):
            found |= dict(known.read_interface(path, read_facts(language, file.text).source))
    return found


def interface_changes(before: Interface, after: Interface) -> list[str]:
    """What is gone, what has another signature and what is new, in words."""
    gone = sorted(before.keys() - after.keys())
    new = sorted(after.keys() - before.keys())
    changed = sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
    return [
        *(f"{name} is gone" for name in gone),
        *(f"{name} was {before[name]} and is {after[name]}" for name in changed),
        *(f"{name} is new: a review adds no features, and a helper that it needs is private" for name in new),
    ]
