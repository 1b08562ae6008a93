"""What is asked for to find something like a spec: the words of its name, those of its subject, its paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from factory_assets.domain.papers import Paper
from factory_assets.domain.specs import Spec
from factory_assets.domain.stemming import GAP, stem, words

_TERMS = 2
# npm: "The 'text' parameter must be between 2 and 64 characters".
_LONGEST_TEXT = 64


def key_terms(spec: Spec, papers: tuple[Paper, ...]) -> tuple[str, ...]:
    """The two words that a spec is about beside those of its name, longest first where equal.

    They are those that most of its problem, its solution and the titles of its papers share; without such, none.
    """
    named = {stem(part) for part in spec.name.split("-")}
    counts: Counter[str] = Counter()
    shortest: dict[str, str] = {}
    for text in (spec.problem, spec.solution, *(paper.title for paper in papers)):
        found = {word for word in words(text.replace("-", " ")) if word.isalpha() and len(word) > 2}
        counts.update({stem(word) for word in found} - {GAP, *named})
        for word in sorted(found):
            shortest[stem(word)] = min(word, shortest.get(stem(word), word), key=len)
    chosen = sorted(counts, key=lambda stemmed: (-counts[stemmed], -len(shortest[stemmed]), stemmed))
    return tuple(shortest[stemmed] for stemmed in chosen[:_TERMS])


def github_searches(spec: Spec, papers: tuple[Paper, ...]) -> Iterator[str]:
    """Searches for repositories: by name, by subject, and by whoever names the paper.

    All words of a search have to be there, so that each is short
    (https://docs.github.com/en/search-github/searching-on-github/searching-for-repositories).
    """
    yield f"{' '.join(spec.name.split('-'))} in:name,description"
    if terms := key_terms(spec, papers):
        yield f"{' '.join(terms)} in:name,description"
    for paper in papers[:1]:
        yield f'"{paper.arxiv_id}" in:description,readme'


def npm_text(spec: Spec, papers: tuple[Paper, ...]) -> str:
    """The text of a search for packages: the words of the name, then the terms, as many as there is room for."""
    text = ""
    for word in dict.fromkeys([*spec.name.split("-"), *key_terms(spec, papers)]):
        if len(longer := f"{text} {word}".strip()) <= _LONGEST_TEXT:
            text = longer
    return text


def pypi_names(spec: Spec, papers: tuple[Paper, ...]) -> tuple[str, ...]:
    """The names under which such a package would be: PyPI has no search that programs may use."""
    parts = spec.name.split("-")
    terms = key_terms(spec, papers)
    names = [spec.name, "".join(parts), "-".join(reversed(parts)), "-".join(terms)]
    return tuple(dict.fromkeys(filter(None, names)))
