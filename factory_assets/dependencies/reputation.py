"""Whether a package can be trusted that exists: how long it has been there, its releases, and whom its name resembles.

Packages made to be mistaken for another, and names that models invent and others then register, are young or have next
to no releases: https://arxiv.org/abs/2005.09535, https://arxiv.org/abs/2406.10279.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources

from packaging.utils import canonicalize_name

YOUNGEST = timedelta(days=30)
YOUNGEST_OF_ONE_RELEASE = timedelta(days=90)
ESTABLISHED = timedelta(days=365)
ESTABLISHED_RELEASES = 5
# Of a shorter name nearly every other is one letter away.
_SHORTEST = 5
_SEPARATORS = str.maketrans("", "", "-_.")


@dataclass(frozen=True)
class Listing:
    """What a registry lists of a package. `first` is when its first release came; None where that is not said."""

    releases: int
    first: datetime | None = None


def doubts(listings: Mapping[str, Listing], *, registry: str, now: datetime) -> list[str]:
    """Why packages should not be depended on, as evidence: what was seen of each; empty where there is no reason.

    `registry` is pypi, npm, crates or go. What a registry does not date is judged by its releases and its name alone.
    """
    return [
        f"{name}, which {reason}"
        for name, listing in sorted(listings.items())
        for reason in _reasons(name, listing, registry, now)
    ]


def is_widely_used(name: str, registry: str) -> bool:
    """Whether a name is one of those that others imitate, or that are known beside them."""
    targets, known = _popular(registry)
    return (canonicalize_name(name) if registry == "pypi" else name) in targets | known


def _reasons(name: str, listing: Listing, registry: str, now: datetime) -> Iterator[str]:
    age = now - listing.first if listing.first else None
    count = f"{listing.releases} release" + ("" if listing.releases == 1 else "s")
    seen = f"{count}, the first {age.days} days ago" if age else f"{count}, without a date"
    if age is not None and (age < YOUNGEST or (listing.releases == 1 and age < YOUNGEST_OF_ONE_RELEASE)):
        yield f"is too new to be trusted ({seen})"
    elif listing.releases < ESTABLISHED_RELEASES or (age is not None and age < ESTABLISHED):
        other = _resembled(name, registry)
        if other:
            yield f"is easily taken for {other}, and is hardly used itself ({seen})"


def _resembled(name: str, registry: str) -> str | None:
    """The popular package whose name differs by one letter, two letters exchanged, or separators alone."""
    targets, known = _popular(registry)
    name = canonicalize_name(name) if registry == "pypi" else name
    if name in targets or name in known:
        return None
    near = (other for other in targets if len(other) >= _SHORTEST and _is_near(name, other))
    return min(near, default=None)


def _is_near(one: str, two: str) -> bool:
    if one.translate(_SEPARATORS) == two.translate(_SEPARATORS):
        return True
    if abs(len(one) - len(two)) > 1:
        return False
    start = next(
        (at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two))
    )
    rest_one, rest_two = one[start:], two[start:]
    return (
        rest_one[1:] == rest_two[1:]
        or rest_one[1:] == rest_two
        or rest_one == rest_two[1:]
        or (rest_one[:2] == rest_two[:2][::-1] and rest_one[2:] == rest_two[2:])
    )


@cache
def _popular(registry: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names that others imitate, and those near them that are widely used as well."""
    file = resources.files(__package__) / "popular" / f"{registry}.txt"
    if not file.is_file():
        return frozenset(), frozenset()
    groups: list[set[str]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            groups.append(set())
        else:
            groups[-1].update(line.split())
    return frozenset(groups[0]), frozenset().union(*groups[1:])
