"""The names that a repo gives rise to: what it is called on GitHub, as a package and command, and in code."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from factory_assets.domain import reserved
from factory_assets.domain.specs import Language, Spec

_SUFFIX = "tool"
_TAKEN: Mapping[Language, frozenset[str]] = {
    Language.PYTHON: frozenset(reserved.PYTHON),
    Language.TYPESCRIPT: frozenset(reserved.NODE),
    Language.GO: frozenset(reserved.GO),
    Language.RUST: frozenset(reserved.RUST),
    Language.BASH: frozenset(),
}
# The path of a Go module ends with its repo's name, and the go command gives these a meaning of their own:
# https://go.dev/ref/mod#vendoring, https://go.dev/doc/go1.4#internalpackages
_NO_GO_MODULE = frozenset({"vendor", "internal"})


@dataclass(frozen=True)
class Names:
    """What a repo's code is called.

    `package` is the distribution, crate or npm package, and the command; `module` the identifier in code: Python's
    import package, Rust's crate, Go's package. All are the repo's own name wherever that is free.
    """

    package: str
    module: str


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
    if language is Language.GO and repo in _NO_GO_MODULE:
        return f"no Go module can be called {repo}: others could not import it; choose another name"
    return None


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
        return "/".join([names.module if language is Language.PYTHON else names.package, *rest])
    return path


def _is_taken(repo: str, language: Language) -> bool:
    if repo in reserved.LAYOUT or repo in reserved.COMMANDS:
        return True
    if language is Language.GO and repo.rpartition("-")[2] in reserved.GO_FILE_ENDINGS:
        return True
    return not _TAKEN[language].isdisjoint({repo, _identifier(repo, language), repo.replace("-", "_")})


def _identifier(name: str, language: Language) -> str:
    match language:
        case Language.PYTHON | Language.RUST:
            return name.replace("-", "_")
        case Language.GO:
            return name.replace("-", "")
        case Language.TYPESCRIPT | Language.BASH:
            return name
