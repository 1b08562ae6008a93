"""What an agent changed that is not its business: it is put back as it was, and what stands then is judged."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from factory_assets.building.declarations import only_declares
from factory_assets.domain.builds import Phase
from factory_assets.domain.provenance import SPEC_FILE
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import SYMLINK, Tree, changed_paths
from factory_assets.gates.documents import DOCUMENT_NAMES
from factory_assets.languages import LANGUAGES
from factory_assets.languages.project_files import read_json

# What was asked for, under which licence it is published, and what proves that it works. GNU make prefers the two
# other names to the Makefile: https://www.gnu.org/software/make/manual/html_node/Makefile-Names.html.
_FACTORYS = frozenset({SPEC_FILE, "LICENSE", "Makefile", "GNUmakefile", "makefile"})
_CONFIGURATION = (
    *("*.mk", ".gitattributes", ".gitmodules"),
    *(pattern for record in LANGUAGES.values() for pattern in record.configuration),
)
_PACKAGE = "package.json"
_MAKEFILE, _OWN_TARGETS = "Makefile", "own.mk"
_TEST_DATA = frozenset({"fixture", "fixtures", "testdata", "example", "examples"})


def not_its_business(by: Phase, language: Language, before: Tree, after: Tree) -> list[str]:
    """The paths that the agent of a phase has changed, added or removed and that it should not have, sorted.

    The agent of the documents has these four, and new Markdown pages under docs/. The others have all but the
    factory's own, and the review no configuration, apart from what is declared as a dependency.
    """
    changed = changed_paths(before, after)
    if by is Phase.SEO:
        return [
            path for path in changed if path not in DOCUMENT_NAMES and (path in before or not _is_page(path))
        ]
    return [
        path
        for path in changed
        if _is_factorys(language, path)
        or (by is Phase.REVIEW and _is_configuration(path) and not only_declares(path, before, after))
    ]


def laid_again(by: Phase, before: Tree, after: Tree) -> dict[str, bytes]:
    """Files that the factory lays with what is the agent's in them and with what is its own as it was."""
    return {**_scripts(before, after), **(_targets(before, after) if by is Phase.BUILD else {})}


def _targets(before: Tree, after: Tree) -> dict[str, bytes]:
    """The Makefile that an agent wrote, as own.mk: so its further targets stay, and reach nothing that proves."""
    old, new = before.get(_MAKEFILE), after.get(_MAKEFILE)
    if new is None or new.mode == SYMLINK or not new.text or _OWN_TARGETS in after:
        return {}
    return {} if old is not None and old.text == new.text else {_OWN_TARGETS: new.text.encode()}


def _scripts(before: Tree, after: Tree) -> dict[str, bytes]:
    """package.json with the factory's scripts; one that is no JSON object is left to the tools that read it."""
    laid = read_json(before, _PACKAGE).get("scripts")
    package = read_json(after, _PACKAGE)
    scripts = package.get("scripts", {})
    if (
        not isinstance(laid, dict)
        or not package
        or not isinstance(scripts, dict)
        or scripts == scripts | laid
    ):
        return {}
    package["scripts"] = scripts | laid
    return {_PACKAGE: (json.dumps(package, indent=2, ensure_ascii=False) + "\n").encode()}


def _is_page(path: str) -> bool:
    return path.startswith("docs/") and path.endswith(".md")


def _is_factorys(language: Language, path: str) -> bool:
    """Whether it is the factory's, or takes the place of what the language's tools run."""
    replaces = LANGUAGES[language].replaces_tools
    return path in _FACTORYS or not replaces.isdisjoint(PurePosixPath(path).parts)


def _is_configuration(path: str) -> bool:
    *folders, name = PurePosixPath(path).parts
    # No toolchain reads its configuration from so deep.
    if (folders[1:] and folders[0] == "tests") or not _TEST_DATA.isdisjoint(folders):
        return False
    return any(fnmatchcase(name, pattern) for pattern in _CONFIGURATION)
