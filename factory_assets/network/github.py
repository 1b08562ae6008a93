"""GitHub's REST API as whoever looks around in it needs it: search, and what a repository says of itself.

https://docs.github.com/en/rest/search/search#search-repositories,
https://docs.github.com/en/rest/repos/contents#get-a-repository-readme,
https://docs.github.com/en/rest/git/trees#get-a-tree.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from pydantic import BaseModel

from factory_assets.domain.errors import InfrastructureError
from factory_assets.network.service import ABSENT, Service

# "You cannot use queries that are longer than 256 characters", "more than five AND, OR, or NOT operators":
# https://docs.github.com/en/rest/search/search#limitations-on-query-length
LONGEST_QUERY = 256
MOST_OPERATORS = 5
# An empty repository has no tree (409), one that was taken down is not served (451).
NOT_SERVED = ABSENT | {409, 451}
_OPERATOR = re.compile(r"\b(?:AND|OR|NOT)\b")


class Licence(BaseModel):
    """A repository's licence, as GitHub has recognised it."""

    spdx_id: str | None = None


class GitHubRepository(BaseModel):
    """A repository as a search finds it."""

    full_name: str
    html_url: str
    description: str | None = None
    topics: tuple[str, ...] = ()
    stargazers_count: int = 0
    pushed_at: datetime | None = None
    archived: bool = False
    default_branch: str = "main"
    license: Licence | None = None

    @property
    def spdx(self) -> str | None:
        """The licence's SPDX name; None where GitHub recognises none."""
        named = self.license.spdx_id if self.license else None
        return None if named in {None, "", "NOASSERTION"} else named


class RepositorySearch(BaseModel):
    """What a search found. Where it is incomplete, GitHub ran out of time: there may be more."""

    incomplete_results: bool
    items: tuple[GitHubRepository, ...]


class _Readme(BaseModel):
    encoding: str
    content: str = ""


class _Entry(BaseModel):
    path: str
    type: str


class _Tree(BaseModel):
    tree: tuple[_Entry, ...]


def search_address(api_url: str, search: str, *, per_page: int) -> str:
    """Where to ask for repositories, the best match first."""
    return f"{api_url.rstrip('/')}/search/repositories?{urlencode({'q': search, 'per_page': per_page})}"


def is_legal(search: str) -> bool:
    """Whether GitHub takes a search: it is short enough, and has no more operators than it may have."""
    return bool(search) and len(search) <= LONGEST_QUERY and len(_OPERATOR.findall(search)) <= MOST_OPERATORS


def find_repositories(service: Service, address: str) -> RepositorySearch:
    """The answer to a search.

    Raises:
        FactoryError: it was not answered, or cannot be read.
    """
    found = service.read(RepositorySearch, address)
    if found is None:
        raise InfrastructureError("GitHub has no search at this address.", fix=service.fix)
    return found


@dataclass(frozen=True)
class GitHubApi:
    """Search, READMEs and trees at `url`. GitHub counts searches apart from all else, so that each has its service.

    Every method raises FactoryError where it was not answered, or the answer cannot be read.
    """

    searching: Service
    reading: Service
    url: str

    def search(self, search: str, *, per_page: int) -> RepositorySearch:
        """The repositories that fit best."""
        return find_repositories(self.searching, search_address(self.url, search, per_page=per_page))

    def readme(self, full_name: str) -> str | None:
        """A repository's README; None where it has none, or one that is larger than GitHub sends (1 MB)."""
        found = self.reading.read(_Readme, f"{self._repository(full_name)}/readme")
        if found is None or found.encoding != "base64":
            return None
        try:
            return base64.b64decode(found.content).decode("utf-8", "replace")
        except binascii.Error as error:
            raise InfrastructureError(
                f"GitHub's README of {full_name} cannot be read: {error}.", fix=self.reading.fix
            ) from error

    def tree(self, repository: GitHubRepository) -> tuple[str, ...]:
        """The names at the top of a repository, folders with a slash; none where it is empty."""
        branch = quote(repository.default_branch, safe="")
        found = self.reading.read(_Tree, f"{self._repository(repository.full_name)}/git/trees/{branch}")
        if found is None:
            return ()
        return tuple(f"{entry.path}/" if entry.type == "tree" else entry.path for entry in found.tree)

    def _repository(self, full_name: str) -> str:
        return f"{self.url.rstrip('/')}/repos/{quote(full_name)}"
