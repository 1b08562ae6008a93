"""The names of languages, and those that a repo gives rise to: as a package and command, and in code."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from factory_assets.domain import reserved
from factory_assets.domain.specs import Language, Spec
from factory_assets.languages import LANGUAGES

_SUFFIX = "tool"
_VERSION = re.compile(r"[\s(]*(?:>=|v)?\s*\d[\d.x]*\+?\)?$")


@dataclass(frozen=True)
class Names:
    """What a repo's code is called.

    `package` is the distribution, crate or npm package, and the command; `module` the identifier in code: Python's
    import package, Rust's crate, Go's package. All are the repo's own name wherever that is free.
    """

    package: str
    module: str


def language_named(said: object) -> object:
    """The language in the factory's own word, whatever case, name or version it was given in.

    What is no known name is returned as it came, for the model to refuse.
    """
    if not isinstance(said, str):
        return said
    word = "".join(char for char in _VERSION.sub("", said.strip().lower()) if char not in " \t._-")
    return next(
        (known for known, record in LANGUAGES.items() if word in {known, *record.naming.spellings}), said
    )


def names_of(repo: str, language: Language) -> Names:
    """The names of a repo's code. A name that the language, its tools or the shell have taken gets `-tool`.

    The same repo and language always give the same names.
    """
    package = f"{repo}-{_SUFFIX}" if _is_taken(repo, language) else repo
    return Names(package=package, module=_identifier(package, language))


def refusal(repo: str, language: Language) -> str | None:
    """Why no repo in that language can have this name; None where one can."""
    if repo in reserved.DEVICES:
        return f"{repo} is a device's name on Windows, where nobody could clone the repo; choose another name"
    reason = LANGUAGES[language].naming.impossible.get(repo)
    return f"{reason}; choose another name" if reason else None


def expected_files(spec: Spec) -> tuple[str, ...]:
    """The spec's files where they will be: a folder of the repo's own name is called as its package is."""
    names = names_of(spec.name, spec.language)
    if names.package == spec.name:
        return spec.files
    # Tests keep their folder, whatever the repo is called.
    own = {spec.name, _identifier(spec.name, spec.language)} - {"test", "tests"}
    return tuple(_renamed(path, own, names, spec.language) for path in spec.files)


def _renamed(path: str, own: Collection[str], names: Names, language: Language) -> str:
    first, *rest = PurePosixPath(path).parts
    if rest and first in {"bin", "cmd"} and rest[0] in own:
        return "/".join([first, names.package, *rest[1:]])
    if rest and first in own:
        return "/".join([names.module if LANGUAGES[language].naming.by_module else names.package, *rest])
    return path


def _is_taken(repo: str, language: Language) -> bool:
    naming = LANGUAGES[language].naming
    if repo in reserved.LAYOUT or repo in reserved.COMMANDS:
        return True
    if repo.rpartition("-")[2] in naming.taken_endings:
        return True
    return not naming.taken.isdisjoint({repo, _identifier(repo, language), repo.replace("-", "_")})


def _identifier(name: str, language: Language) -> str:
    return name.replace("-", LANGUAGES[language].naming.joint)
