"""GitHub as a mirror target: the repository by REST, the refs by git; nothing forced or deleted."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.errors import InputError, NotOursError
from factory_assets.mirror.git import Git, parse_refs
from factory_assets.mirror.github_errors import github_errors, is_name_taken, push_error
from factory_assets.mirror.ownership import plan_push
from factory_assets.mirror.target import MirrorReport
from factory_assets.network.clients import git_config, route_pygithub

if TYPE_CHECKING:
    from github import Github
    from github.AuthenticatedUser import AuthenticatedUser
    from github.Organization import Organization
    from github.Repository import Repository

DEFAULT_API = "https://api.github.com"
# GitHub asks for a second between writes; reads in a row are spaced a little too.
_SECONDS_BETWEEN_REQUESTS = 0.25
_SECONDS_BETWEEN_WRITES = 1.0
# Seconds that double with each retry of a 5xx.
_RETRY_BACKOFF = 0.5


class GitHubTarget:
    """Repositories of one account or organisation on GitHub, or on a GitHub Enterprise server.

    `owner` is the token's own account where it is None. Whatever was asked of GitHub once (who the token is)
    is kept, so one target serves many repos.
    """

    def __init__(
        self,
        *,
        token: SecretStr,
        owner: str | None = None,
        api_url: str = DEFAULT_API,
        visibility: Literal["public", "private"] = "public",
        git_program: str = "git",
        seconds_between_requests: float = _SECONDS_BETWEEN_REQUESTS,
        seconds_between_writes: float = _SECONDS_BETWEEN_WRITES,
        retry_backoff: float = _RETRY_BACKOFF,
    ) -> None:
        self._token = token
        self._named_owner = owner
        self._api_url = api_url.rstrip("/")
        self._visibility = visibility
        self._git_program = git_program
        self._seconds_between_requests = seconds_between_requests
        self._seconds_between_writes = seconds_between_writes
        self._retry_backoff = retry_backoff

    def publish(
        self,
        repo: ShippedRepo,
        bare: Path,
        *,
        description: str,
        topics: Sequence[str],
        before_write: Callable[[], None],
    ) -> MirrorReport:
        """Create the repository where it is missing and push `main` and `v*` tags; see MirrorTarget."""
        started = time.monotonic()
        paced = _Once(before_write)
        there = self._find(repo.name)
        created = there is None
        if there is None:
            paced()
            there = self._create(repo, description)
        where = there.html_url
        git = self._git_for(there.clone_url)
        remote = self._remote_refs(git, there.clone_url, where)
        if not remote and not _made_by_us(there, repo, description):
            raise NotOursError(
                "An empty repository of that name is there, not made by the factory. It was not touched.",
                where=where,
                mend=_not_ours_mend(there.full_name),
            )
        plan = plan_push(git, bare, repo, remote, where=where, mend=_not_ours_mend(there.full_name))
        if plan.refspecs:
            paced()
            result = git.run(
                *("--git-dir", str(bare)), "push", "--porcelain", "--atomic", there.clone_url, *plan.refspecs
            )
            if result.exit_code != 0:
                raise push_error(result, where)
        if topics and not there.topics:
            paced()
            with github_errors("Setting the topics", where):
                there.replace_topics(list(topics))
        return MirrorReport(
            url=where,
            commit=repo.commit,
            created=created,
            pushed=bool(plan.refspecs),
            seconds=time.monotonic() - started,
        )

    @cached_property
    def _github(self) -> Github:
        from github import Auth, Github  # noqa: PLC0415 - a second to import, used only while mirroring
        from urllib3 import Retry  # noqa: PLC0415 - as above

        # Not PyGithub's own retry: it sleeps through rate limits for minutes, where the run should give way.
        # A create is repeated too, after a 5xx that may have come too late: see _create.
        retry = Retry(
            total=3,
            backoff_factor=self._retry_backoff,
            status_forcelist=(500, 502, 503, 504),
            allowed_methods=None,
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        return Github(
            auth=Auth.Token(self._token.get_secret_value()),
            base_url=self._api_url,
            user_agent="software-factory",
            retry=retry,
            seconds_between_requests=self._seconds_between_requests,
            seconds_between_writes=self._seconds_between_writes,
            verify=route_pygithub(self._api_url),
        )

    @cached_property
    def _login(self) -> str:
        with github_errors("Asking whose token it is", self._api_url):
            return self._github.get_user().login

    @property
    def _owner(self) -> str:
        return self._named_owner or self._login

    def _find(self, name: str) -> Repository | None:
        from github import UnknownObjectException  # noqa: PLC0415 - as in _github

        full_name = f"{self._owner}/{name}"
        with github_errors(f"Looking for {full_name}", self._api_url):
            try:
                return self._github.get_repo(full_name)
            except UnknownObjectException:
                return None

    def _create(self, repo: ShippedRepo, description: str) -> Repository:
        from github import GithubException  # noqa: PLC0415 - as in _github

        account = self._account()
        full_name = f"{self._owner}/{repo.name}"
        with github_errors(f"Creating {full_name}", self._api_url):
            try:
                return account.create_repo(
                    repo.name,
                    description=description,
                    homepage=repo.source_url,
                    private=self._visibility == "private",
                    has_wiki=False,
                    has_projects=False,
                    auto_init=False,
                )
            except GithubException as error:
                if not is_name_taken(error):
                    raise
        # Either the create came through before a 5xx and was repeated, or somebody was faster: the rules of
        # ownership tell which.
        found = self._find(repo.name)
        if found is None:
            raise NotOursError(
                "A repository of that name is there, but the token cannot see it. It was not touched.",
                where=full_name,
                mend=_not_ours_mend(full_name),
            )
        return found

    def _account(self) -> AuthenticatedUser | Organization:
        from github import UnknownObjectException  # noqa: PLC0415 - as in _github

        if self._owner.lower() == self._login.lower():
            return self._github.get_user()
        with github_errors(f"Looking for the organisation {self._owner}", self._api_url):
            try:
                return self._github.get_organization(self._owner)
            except UnknownObjectException:
                raise InputError(
                    f"{self._owner} is neither the token's own account ({self._login}) nor an organisation.",
                    where="GITHUB_USER",
                    mend=f"Set GITHUB_USER to {self._login} or to an organisation the token may create in.",
                ) from None

    def _git_for(self, clone_url: str) -> Git:
        parts = urlsplit(clone_url)
        basic = base64.b64encode(f"x-access-token:{self._token.get_secret_value()}".encode()).decode()
        return Git(
            program=self._git_program,
            config={
                **git_config(clone_url),
                f"http.{parts.scheme}://{parts.netloc}/.extraHeader": f"Authorization: Basic {basic}",
            },
        )

    def _remote_refs(self, git: Git, clone_url: str, where: str) -> dict[str, str]:
        result = git.run("ls-remote", "--refs", clone_url)
        if result.exit_code != 0:
            raise push_error(result, where)
        return parse_refs(result.stdout)


class _Once:
    """Calls what paces us before the first write only."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def __call__(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()


def _made_by_us(there: Repository, repo: ShippedRepo, description: str) -> bool:
    # An empty repository carries no commit of ours. Description and homepage are set in the same request that
    # creates it, so a run that died right after it is recognised by them.
    return (there.description or "") == description and (there.homepage or "") == repo.source_url


def _not_ours_mend(full_name: str) -> str:
    return (
        f"Rename or remove {full_name} yourself if you do not need it, or name another account in"
        " GITHUB_USER; then mirror again."
    )
