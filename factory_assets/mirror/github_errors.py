"""What GitHub's REST API says when it refuses, turned into the factory's errors; git's words: push_errors.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from factory_assets.domain.errors import (
    CredentialError,
    FactoryError,
    InfrastructureError,
    InputError,
    RateLimitedError,
)

if TYPE_CHECKING:
    from github import GithubException

SCOPES = (
    "Set GITHUB_TOKEN to a token that is valid and may create and push repositories: a classic token with the"
    " scopes `repo` and `workflow`, or a fine-grained one for the owner with read and write access to"
    " Administration, Contents and Workflows. Then mirror again; `factory doctor` checks the token."
)
LATER = "Mirror again later; the next night does so by itself."
# What GitHub says of a repository of which not every part is there yet.
_NOT_YET = re.compile(
    r"repository is empty|being created|still in progress|please push that ref first|try again later",
    re.IGNORECASE,
)
_ABOUT_VISIBILITY = re.compile(
    r"visibility|private repositor|public repositor|upgrade your plan", re.IGNORECASE
)
PRIVATE_FIRST = (
    "The factory creates a repository private, pushes, and makes it public when it is complete, so that nobody"
    " sees a half-made one. Let the token's account create private repositories and change their visibility"
    " (an organisation has both under Settings, Member privileges; the plan must have private repositories),"
    " or set FACTORY_GITHUB_VISIBILITY=private. Then mirror again."
)


class MissingError(InputError):
    """GitHub does not know, or not wholly know, what was asked for: for a moment so after a creation, too."""


class VisibilityError(InputError):
    """GitHub does not let the token have a repository of this visibility."""


@contextmanager
def github_errors(doing: str, where: str, *, now: Callable[[], datetime]) -> Iterator[None]:
    """Turn PyGithub's and the network's exceptions into the factory's, with GitHub's own words.

    `now` is the time in UTC from which a wait that GitHub names in seconds is counted.
    """
    import requests  # noqa: PLC0415 - heavy, and used only while mirroring
    from github import GithubException  # noqa: PLC0415 - as above

    try:
        yield
    except GithubException as error:
        raise _from_github(error, doing, where, now()) from error
    except requests.RequestException as error:
        raise InfrastructureError(
            f"{doing} failed: {type(error).__name__}: {error}.",
            where=where,
            fix="Check the network and FACTORY_GITHUB_URL, then mirror again.",
        ) from error


def _from_github(error: GithubException, doing: str, where: str, now: datetime) -> FactoryError:
    said = message_of(error)
    words = f"{doing} was answered with {error.status}: {said}"
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status == 401:
        return CredentialError(f"GitHub refused the token. {words}", where=where, fix=SCOPES)
    if error.status in {403, 429} and _is_rate_limit(error, headers):
        return RateLimitedError(words, where=where, fix=LATER, until=_until(headers, now))
    if error.status in {403, 422} and _ABOUT_VISIBILITY.search(said):
        return VisibilityError(words, where=where, fix=PRIVATE_FIRST)
    if error.status == 403:
        return CredentialError(words, where=where, fix=SCOPES)
    if error.status >= 500:
        return InfrastructureError(words, where=where, fix=LATER)
    fix = "Check GITHUB_USER and FACTORY_GITHUB_URL, and that the token may see the repository; then mirror again."
    missing = error.status in {404, 409} or (error.status == 422 and _NOT_YET.search(said))
    return (MissingError if missing else InputError)(words, where=where, fix=fix)


def message_of(error: GithubException) -> str:
    """GitHub's own words."""
    data = error.data if isinstance(error.data, dict) else {}
    details = [str(item.get("message", item)) for item in data.get("errors", []) if isinstance(item, dict)]
    return "; ".join([str(data.get("message", error.data or "no text")), *details])


def _is_rate_limit(error: GithubException, headers: Mapping[str, str]) -> bool:
    from github import RateLimitExceededException  # noqa: PLC0415 - loaded by whoever raised the error

    return (
        isinstance(error, RateLimitExceededException)
        or error.status == 429
        or "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
    )


def _until(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """The time that GitHub named: in seconds or as a date by Retry-After, or the end of the hour's limit."""
    from urllib3 import Retry  # noqa: PLC0415 - loaded by whoever raised the error
    from urllib3.exceptions import InvalidHeader  # noqa: PLC0415 - as above

    after, reset = headers.get("retry-after"), headers.get("x-ratelimit-reset", "")
    if after is not None:
        try:
            return now + timedelta(seconds=Retry().parse_retry_after(after))
        except InvalidHeader:
            return None
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return datetime.fromtimestamp(int(reset), UTC)
    return None


def is_name_taken(error: GithubException) -> bool:
    """Whether a 422 says that the name exists, which GitHub also answers to a create repeated after a 5xx."""
    return error.status == 422 and "name already exists" in message_of(error)
