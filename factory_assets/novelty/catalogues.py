"""The catalogues of what exists: GitHub, npm, PyPI and the papers' pages, by the forms of their public APIs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlencode

from packaging.utils import canonicalize_name
from pydantic import BaseModel, Field

from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.domain.links import repository, repository_page
from factory_assets.domain.novelty import Found, NoveltySource
from factory_assets.domain.papers import Paper
from factory_assets.domain.specs import Spec
from factory_assets.network.github import find_repositories, search_address
from factory_assets.network.service import Service
from factory_assets.novelty.questions import github_searches, npm_text, pypi_names

_HITS = 30
# Every index that mirrors the usual packages has it.
_EVERYWHERE = "pip"


class Catalogue(Protocol):
    """Something that is asked by addresses; the answer to one may be kept by it."""

    @property
    def source(self) -> NoveltySource:
        """Which one it is."""
        ...

    def questions(self, spec: Spec, papers: tuple[Paper, ...]) -> tuple[str, ...]:
        """The addresses to ask for a spec.

        Raises:
            FactoryError: it is not known where to ask.
        """
        ...

    def answer(self, question: str) -> tuple[Found, ...]:
        """What it has.

        Raises:
            FactoryError: it cannot be asked, or its answer cannot be read.
        """
        ...


@dataclass(frozen=True)
class GitHub:
    """https://docs.github.com/en/rest/search/search#search-repositories."""

    service: Service
    url: str
    source = NoveltySource.GITHUB

    def questions(self, spec: Spec, papers: tuple[Paper, ...]) -> tuple[str, ...]:
        """See `Catalogue`."""
        return tuple(
            search_address(self.url, search, per_page=_HITS) for search in github_searches(spec, papers)
        )

    def answer(self, question: str) -> tuple[Found, ...]:
        """See `Catalogue`."""
        found = find_repositories(self.service, question)
        if found.incomplete_results and not found.items:
            # It has run out of time, which says nothing of what there is.
            raise InfrastructureError(
                "GitHub broke the search off before it found anything.", fix=self.service.fix
            )
        return tuple(
            Found(
                name=item.full_name,
                url=item.html_url,
                about=" ".join([item.description or "", *item.topics]),
            )
            for item in found.items
            if _is_page(item.html_url)
        )


class _Links(BaseModel):
    npm: str = ""


class _Package(BaseModel):
    name: str
    description: str = ""
    keywords: tuple[str, ...] = ()
    links: _Links = _Links()


class _Object(BaseModel):
    package: _Package


class _Objects(BaseModel):
    objects: tuple[_Object, ...]


@dataclass(frozen=True)
class Npm:
    """https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md#get-v1search. `url` tells the registry's."""

    service: Service
    url: Callable[[], str]
    source = NoveltySource.NPM

    def questions(self, spec: Spec, papers: tuple[Paper, ...]) -> tuple[str, ...]:
        """See `Catalogue`."""
        query = urlencode({"text": npm_text(spec, papers), "size": _HITS})
        return (f"{self.url().rstrip('/')}/-/v1/search?{query}",)

    def answer(self, question: str) -> tuple[Found, ...]:
        """See `Catalogue`."""
        found = self.service.read(_Objects, question)
        if found is None:
            raise InfrastructureError("This npm registry has no search.", fix=self.service.fix)
        registry = question.partition("/-/")[0]
        return tuple(
            Found(
                name=package.name,
                url=package.links.npm
                if _is_page(package.links.npm)
                else f"{registry}/{quote(package.name, safe='@')}",
                about=" ".join([package.description, *package.keywords]),
            )
            for package in (item.package for item in found.objects)
        )


class _Info(BaseModel):
    name: str
    summary: str | None = None
    keywords: str | None = None
    package_url: str = ""


class _Project(BaseModel):
    info: _Info


@dataclass(frozen=True)
class Pypi:
    """https://docs.pypi.org/api/json/, by the names that such a package would have; `url` tells the simple index's."""

    service: Service
    url: Callable[[], str]
    source = NoveltySource.PYPI

    def questions(self, spec: Spec, papers: tuple[Paper, ...]) -> tuple[str, ...]:
        """See `Catalogue`."""
        base = self.url().rstrip("/").removesuffix("/simple")
        names = dict.fromkeys(map(canonicalize_name, pypi_names(spec, papers)))
        return tuple(f"{base}/pypi/{name}/json" for name in (_EVERYWHERE, *names))

    def answer(self, question: str) -> tuple[Found, ...]:
        """See `Catalogue`."""
        found = self.service.read(_Project, question)
        if found is None and question.endswith(f"/{_EVERYWHERE}/json"):
            # An index without this API knows no package by it, whatever it has.
            raise InfrastructureError("This Python index does not describe packages.", fix=self.service.fix)
        if found is None or question.endswith(f"/{_EVERYWHERE}/json"):
            return ()
        info = found.info
        return (
            Found(
                name=info.name,
                url=info.package_url if _is_page(info.package_url) else question,
                about=" ".join([info.summary or "", info.keywords or ""]),
            ),
        )


class _PaperPage(BaseModel):
    repository: str | None = Field(None, alias="githubRepo")


@dataclass(frozen=True)
class PaperPages:
    """The pages that Hugging Face keeps of arXiv's papers, where authors and readers name the code.

    https://huggingface.co/docs/hub/paper-pages.
    """

    service: Service
    url: str
    source = NoveltySource.PAPER_PAGE

    def questions(self, spec: Spec, papers: tuple[Paper, ...]) -> tuple[str, ...]:
        """See `Catalogue`."""
        del spec
        return tuple(map(self.address, papers))

    def address(self, paper: Paper) -> str:
        """Where to ask for a paper."""
        return f"{self.url.rstrip('/')}/api/papers/{quote(paper.arxiv_id)}"

    def answer(self, question: str) -> tuple[Found, ...]:
        """See `Catalogue`."""
        found = self.service.read(_PaperPage, question)
        if found is None or not found.repository:
            return ()
        try:
            name = repository(found.repository)
        except InputError:
            return ()
        return (Found(name=name, url=repository_page(name)),)


def _is_page(url: str) -> bool:
    return url.startswith(("https://", "http://"))
