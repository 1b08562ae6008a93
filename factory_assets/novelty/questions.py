"""What is asked for to find something like a spec: the words of its name, those it keeps coming back to, its paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from factory_assets.domain.papers import Paper
from factory_assets.domain.specs import Spec
from factory_assets.domain.stemming import GAP, stem, words

_TERMS = 3
# npm: "The 'text' parameter must be between 2 and 64 characters".
_LONGEST_TEXT = 64


def key_terms(spec: Spec, papers: tuple[Paper, ...]) -> tuple[str, ...]:
    """The words that most of name, problem, solution and titles share, at most three, in the order they come in."""
    texts = [spec.name.replace("-", " "), spec.problem, spec.solution, *(paper.title for paper in papers)]
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for text in texts:
        found = {stem(word): word for word in reversed(words(text.replace("-", " "))) if word.isalpha()}
        found.pop(GAP, None)
        counts.update(found.keys())
        for stemmed, word in reversed(found.items()):
            first.setdefault(stemmed, word)
    order = list(first)
    chosen = sorted(order, key=lambda stemmed: (-counts[stemmed], order.index(stemmed)))[:_TERMS]
    return tuple(first[stemmed] for stemmed in sorted(chosen, key=order.index))


def github_searches(spec: Spec, papers: tuple[Paper, ...]) -> Iterator[str]:
    """Searches for repositories: by name, by subject, and by whoever names the paper.

    All words of a search have to be there, so that each is short
    (https://docs.github.com/en/search-github/searching-on-github/searching-for-repositories).
    """
    name = " ".join(spec.name.split("-"))
    yield f"{name} in:name,description"
    if set(terms := key_terms(spec, papers)) != set(name.split()):
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
    return tuple(dict.fromkeys([spec.name, "".join(parts), "-".join(reversed(parts)), "-".join(terms)]))
