"""How alike a spec and something that exists are, by the words of both.

The figure is the share of what a repository or package says of itself, its name included, that the spec says too.
Words are taken by their stems, each once, without stop words and numbers. Three words are added to what the other has,
so that a short description is no proof, and a name alone none at all. From `_FIRST` on two texts have more in common
than their trade, from `_SAME` on they tell of the same thing: tests/novelty_kin.yaml holds pairs of both kinds. It errs
towards novelty: who says the same in other words is not found, and who works on another matter is not taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from factory_assets.domain.novelty import Found, Hit
from factory_assets.domain.stemming import GAP, stems

_ADDED = 3
_FIRST, _SAME = 0.25, 0.55
_JOINTS = re.compile(r"[-_/.]|(?<=[a-z])(?=[A-Z])")


def words_of(*texts: str) -> frozenset[str]:
    """The words of some texts that count, as stems; a name is taken apart."""
    found = (stem for text in texts for stem in stems(_JOINTS.sub(" ", text)))
    return frozenset(stem for stem in found if stem != GAP and len(stem) > 1 and not stem.isdigit())


def likeness(spec: frozenset[str], found: Found) -> float:
    """How alike they are, 0 to 1, to two digits. `spec` is what `words_of` says of its name, problem and solution."""
    # An owner says nothing of what a repository does.
    words = words_of(found.name.rpartition("/")[2], found.about)
    share = len(words & spec) / (len(words) + _ADDED)
    return round(min(1.0, max(0.0, (share - _FIRST) / (_SAME - _FIRST))), 2)


def most_alike(spec: frozenset[str], found: Iterable[Found], *, most: int) -> tuple[Hit, ...]:
    """The hits that are alike at all, the most alike first, at most so many; each once."""
    by_page = {(one.name, one.url): Hit(found=one, likeness=likeness(spec, one)) for one in found}
    alike = sorted((hit for hit in by_page.values() if hit.likeness > 0), key=lambda hit: -hit.likeness)
    return tuple(alike[:most])
