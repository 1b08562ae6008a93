"""What an agent changed that is not its business: it is put back as it was, and what stands then is judged."""

from __future__ import annotations

from factory_assets.domain.builds import Phase
from factory_assets.domain.trees import Tree, changed_paths
from factory_assets.gates.documents import DOCUMENT_NAMES

# The factory's own: what was asked for, and under which licence it is published.
_FACTORYS = frozenset({"SPEC.md", "LICENSE"})


def not_its_business(by: Phase, before: Tree, after: Tree) -> list[str]:
    """The paths that the agent of a phase has changed, added or removed and that it should not have, sorted.

    The agent of the documents has these four, and new Markdown pages under docs/; the others all but the factory's own.
    """
    changed = changed_paths(before, after)
    if by is not Phase.SEO:
        return [path for path in changed if path in _FACTORYS]
    return [path for path in changed if path not in DOCUMENT_NAMES and (path in before or not _is_page(path))]


def _is_page(path: str) -> bool:
    return path.startswith("docs/") and path.endswith(".md")
