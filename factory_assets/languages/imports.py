"""What the sources of a repo import from outside of it, with file and line; which of it a registry has is not asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from factory_assets.domain.code_imports import Import
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.languages import LANGUAGES
from factory_assets.languages.parsing import parse
from factory_assets.languages.sources import is_test_code

_OTHERS = frozenset({"node_modules", "vendor", "testdata"})
_SAMPLES = frozenset({"fixtures", "fixture", "__fixtures__", "examples", "example"})


def outside_imports(language: Language, tree: Tree) -> tuple[Import, ...]:
    """Every import of something that is neither the repo's own nor the language's, in order of name and place."""
    known = LANGUAGES[language]
    sources = {
        path: parse(known, file.text)
        for path, file in tree.items()
        if path.endswith(known.import_suffixes or known.source_suffixes)
        or path.split("/")[0] in known.source_folders
        if _is_code(path)
    }
    return tuple(
        sorted(
            replace(found, test=is_test_code(language, found.path))
            for found in set(known.read_imports(tree, sources))
        )
    )


def _is_code(path: str) -> bool:
    """Whether a file is code of the repo, and neither another's, nor data of its tests, nor an example of its use.

    A package may have a module called examples: only at the top of the repo and below its tests is it none.
    """
    folders = PurePosixPath(path).parts[:-1]
    apart = folders[1:] if folders[:1] == ("tests",) else folders[:1]
    return not _OTHERS.intersection(folders) and not _SAMPLES.intersection(apart)
