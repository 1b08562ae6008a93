"""GitHub as a mirror target: the repository by REST, the refs by git; nothing forced or deleted.

A repository that is to be public is created private, pushed to, and made public when it is complete. Until then its
description says so, and the request that makes it public takes those words away: whatever a run leaves when it is
killed is found, known and finished by the next one, while a repository that somebody made private later stays so.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.errors import InfrastructureError, InputError, NotOursError
from factory_assets.mirror.description import is_unpublished, unpublished
from factory_assets.mirror.git import MAIN, Git, parse_refs
from factory_assets.mirror.github_errors import (
    PRIVATE_FIRST,
    MissingError,
    VisibilityError,
    github_errors,
    is_name_taken,
)
from factory_assets.mirror.ownership import plan_push
from factory_assets.mirror.push_errors import NoRightError, push_error
from factory_assets.mirror.target import MirrorReport
from factory_assets.mirror.waiting import MirrorClock, SystemClock, Waiting
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
_RETRY_BACKOFF = 1.0
# A repository of this age may still answer 404 here and there.
_FRESH = timedelta(minutes=5)
_MAIN_BRANCH = MAIN.removeprefix("refs/heads/")


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
        clock: MirrorClock | None = None,
        notify: Callable[[str], None] = lambda _: None,
        asked_to_wait: Callable[[datetime], None] = lambda _: None,
    ) -> None:
        self._token = token
        self._named_owner = owner
        self._api_url = api_url.rstrip("/")
        self._visibility = visibility
        self._git_program = git_program
        self._clock = clock or SystemClock()
        self._waiting = Waiting(
            self._clock,
            between_requests=seconds_between_requests,
            between_writes=seconds_between_writes,
            backoff=retry_backoff,
            notify=notify,
            asked_to_wait=asked_to_wait,
        )

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
        self._waiting.begin()
        paced = _Once(before_write)
        there = self._find(repo.name)
        created = there is None
        if there is None:
            paced()
            there = self._create(repo, description)
        where, fresh = there.html_url, created or self._is_fresh(there)
        git = self._git_for(there.clone_url)
        remote = self._remote_refs(git, there, fresh=fresh)
        if not remote and not _made_by_us(there, repo, description):
            raise NotOursError(
                "An empty repository of that name is there, not made by the factory. It was not touched.",
                where=where,
                fix=_not_ours_fix(there.full_name),
            )
        plan = plan_push(git, bare, repo, remote, where=where, fix=_not_ours_fix(there.full_name))
        if plan.refspecs:
            paced()
            self._push(git, bare, there, plan.refspecs, fresh=fresh)
        if topics and not there.topics:
            paced()
            self._set_topics(there, topics, fresh=fresh)
        if is_unpublished(there.description or ""):
            paced()
            self._complete(there, description, fresh=fresh)
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

        # PyGithub neither retries nor paces: it would count a wait that GitHub asked for as a try, repeat a write
        # at once, and know nothing of the pushes. See mirror/waiting.py.
        return Github(
            auth=Auth.Token(self._token.get_secret_value()),
            base_url=self._api_url,
            user_agent="software-factory",
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            verify=route_pygithub(self._api_url),
        )

    @cached_property
    def _login(self) -> str:
        def ask() -> str:
            with self._errors("Asking whose token it is", self._api_url):
                return self._github.get_user().login

        return self._waiting.ask(ask)

    def _errors(self, doing: str, where: str) -> AbstractContextManager[None]:
        return github_errors(doing, where, now=self._clock.now)

    @property
    def _owner(self) -> str:
        return self._named_owner or self._login

    def _find(self, name: str, *, fresh: bool = False) -> Repository | None:
        full_name = f"{self._owner}/{name}"

        def get() -> Repository:
            with self._errors(f"Looking for {full_name}", self._api_url):
                return self._github.get_repo(full_name)

        try:
            return self._waiting.ask(get, lag=(MissingError,) if fresh else ())
        except MissingError:
            return None

    def _create(self, repo: ShippedRepo, description: str) -> Repository:
        account = self._account()
        full_name = f"{self._owner}/{repo.name}"

        def create() -> Repository | None:
            from github import GithubException  # noqa: PLC0415 - as in _github

            with self._errors(f"Creating {full_name} as a private repository", self._api_url):
                try:
                    return account.create_repo(
                        repo.name,
                        description=unpublished(description) if self._visibility == "public" else description,
                        homepage=repo.source_url,
                        private=True,
                        has_wiki=False,
                        has_projects=False,
                        auto_init=False,
                    )
                except GithubException as error:
                    if not is_name_taken(error):
                        raise
            return None

        # Where the name is taken, either a create came through before a 5xx (of this run or of one that was
        # killed), or somebody was faster: the rules of ownership tell which.
        found = self._waiting.ask(create, write=True) or self._find(repo.name, fresh=True)
        if found is None:
            raise NotOursError(
                "A repository of that name is there, but the token cannot see it. It was not touched.",
                where=full_name,
                fix=_not_ours_fix(full_name),
            )
        return found

    def _account(self) -> AuthenticatedUser | Organization:
        if self._owner.lower() == self._login.lower():
            return self._github.get_user()

        def get() -> Organization:
            with self._errors(f"Looking for the organisation {self._owner}", self._api_url):
                return self._github.get_organization(self._owner)

        try:
            return self._waiting.ask(get)
        except MissingError:
            raise InputError(
                f"{self._owner} is neither the token's own account ({self._login}) nor an organisation.",
                where="GITHUB_USER",
                fix=f"Set GITHUB_USER to {self._login} or to an organisation the token may create in.",
            ) from None

    def _is_fresh(self, there: Repository) -> bool:
        return there.created_at is not None and self._clock.now() - there.created_at < _FRESH

    def _push(
        self, git: Git, bare: Path, there: Repository, refspecs: tuple[str, ...], *, fresh: bool
    ) -> None:
        def push() -> None:
            result = git.run(
                *("--git-dir", str(bare)), "push", "--porcelain", "--atomic", there.clone_url, *refspecs
            )
            if result.exit_code != 0:
                raise push_error(result, there.html_url)

        def look() -> None:
            shown = self._read_refs(git, there)
            missing = [
                name for _, name in (refspec.split(":", 1) for refspec in refspecs) if name not in shown
            ]
            if missing:
                raise _NotShownError(
                    f"The push was taken, but {missing[0]} does not show yet.",
                    where=there.html_url,
                    fix="Mirror again later.",
                )

        self._waiting.ask(push, write=True, lag=(MissingError, NoRightError) if fresh else ())
        self._waiting.ask(look, lag=(_NotShownError, MissingError))

    def _set_topics(self, there: Repository, topics: Sequence[str], *, fresh: bool) -> None:
        def put() -> None:
            with self._errors("Setting the topics", there.html_url):
                there.replace_topics(list(topics))

        self._waiting.ask(put, write=True, lag=(MissingError,) if fresh else ())

    def _complete(self, there: Repository, description: str, *, fresh: bool) -> None:
        """Give it its own description, and by the same request its visibility."""
        from github.GithubObject import NotSet  # noqa: PLC0415 - as in _github

        reveal = self._visibility == "public" and there.private
        private = False if reveal else NotSet
        doing = "Making it public" if reveal else "Setting the description"

        def patch() -> None:
            with self._errors(doing, there.html_url):
                there.edit(description=description, private=private, default_branch=_MAIN_BRANCH)

        try:
            self._waiting.ask(patch, write=True, lag=(MissingError,) if fresh else ())
        except VisibilityError as error:
            raise _still_private(error.what, there) from error
        if reveal and there.private:
            raise _still_private("GitHub answered that it was done.", there)

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

    def _remote_refs(self, git: Git, there: Repository, *, fresh: bool) -> dict[str, str]:
        lag = (MissingError, NoRightError) if fresh else ()
        return self._waiting.ask(lambda: self._read_refs(git, there), lag=lag)

    @staticmethod
    def _read_refs(git: Git, there: Repository) -> dict[str, str]:
        result = git.run("ls-remote", "--refs", there.clone_url)
        if result.exit_code != 0:
            raise push_error(result, there.html_url)
        return parse_refs(result.stdout)


class _NotShownError(InfrastructureError):
    """What was pushed is not shown yet."""


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
    known = (description, unpublished(description))
    return (there.description or "") in known and (there.homepage or "") == repo.source_url


def _still_private(words: str, there: Repository) -> VisibilityError:
    return VisibilityError(
        f"All is pushed, but the repository is still private. {words}",
        where=there.html_url,
        fix=f"Make {there.full_name} public yourself (Settings, Change visibility), and mirror again; or:"
        f" {PRIVATE_FIRST}",
    )


def _not_ours_fix(full_name: str) -> str:
    return (
        f"Rename or remove {full_name} yourself if you do not need it, or name another account in"
        " GITHUB_USER; then mirror again."
    )
