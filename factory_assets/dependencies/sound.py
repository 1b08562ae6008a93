"""What every language's declarations are held against: the registry's listings, and the words of the repo itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime

from factory_assets.dependencies.reputation import Listing, doubts
from factory_assets.domain.trees import Tree

_DOCUMENTS = (".md", ".txt", ".rst", "LICENSE")


def invented_or_doubtful(listings: Mapping[str, Listing | None], project: str, registry: str) -> list[str]:
    """Faults of declared packages that the registry does not have, or that should not be trusted."""
    found = {name: listing for name, listing in listings.items() if listing}
    faults = [
        f"invented dependency: {project} declares {name}, and the registry has no such package"
        for name in sorted(listings.keys() - found.keys())
    ]
    reasons = doubts(found, registry=registry, now=datetime.now(UTC))
    return faults + [f"doubtful dependency: {project} declares {reason}" for reason in reasons]


def dated(listings: Mapping[str, Listing | None]) -> Iterator[str]:
    """A line of evidence on what could not be judged by its age; none where all could."""
    undated = sorted(name for name, listing in listings.items() if listing and listing.first is None)
    if undated:
        yield f"not judged by age, which the registry does not tell: {', '.join(undated)}"


def is_mentioned(words: Collection[str], tree: Tree, *beside: str) -> bool:
    """Whether one of the words stands in a file of the repo that is no document and not one of `beside`."""
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, sorted(words)))})(?![\w-])")
    return any(
        pattern.search(file.text)
        for path, file in tree.items()
        if path not in beside and not path.endswith(_DOCUMENTS)
    )
