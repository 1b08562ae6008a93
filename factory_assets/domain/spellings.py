"""The names by which people call the languages that the factory builds in."""

from __future__ import annotations

import re

from factory_assets.domain.specs import Language

_OTHERS = {
    "golang": Language.GO,
    "py": Language.PYTHON,
    "cpython": Language.PYTHON,
    "ts": Language.TYPESCRIPT,
    "tsx": Language.TYPESCRIPT,
    "js": Language.TYPESCRIPT,
    "javascript": Language.TYPESCRIPT,
    "ecmascript": Language.TYPESCRIPT,
    "node": Language.TYPESCRIPT,
    "nodejs": Language.TYPESCRIPT,
    "deno": Language.TYPESCRIPT,
    "sh": Language.BASH,
    "shell": Language.BASH,
    "shellscript": Language.BASH,
    "bashscript": Language.BASH,
    "posixsh": Language.BASH,
    "posixshell": Language.BASH,
    "rs": Language.RUST,
    "rustlang": Language.RUST,
}
_VERSION = re.compile(r"[\s(]*(?:>=|v)?\s*\d[\d.x]*\+?\)?$")


def language_named(said: object) -> object:
    """The language in the factory's own word, whatever case, name or version it was given in.

    What is no known name is returned as it came, for the model to refuse.
    """
    if not isinstance(said, str):
        return said
    plain = _VERSION.sub("", said.strip().lower())
    word = re.sub(r"[\s._-]+", "", plain)
    known = {str(language): language for language in Language}
    return (known | _OTHERS).get(word, said)
