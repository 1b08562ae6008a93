"""What GitHub and git say when they refuse, turned into the factory's errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from factory_assets.domain.errors import (
    CredentialError,
    FactoryError,
    GateError,
    InfrastructureError,
    InputError,
    NotOursError,
    RateLimitedError,
)
from factory_assets.mirror.git import GitResult

if TYPE_CHECKING:
    from github import GithubException

SCOPES = (
    "Set GITHUB_TOKEN to a token that is valid and may create and push repositories: a classic token with the"
    " scopes `repo` and `workflow`, or a fine-grained one for the owner with read and write access to"
    " Administration, Contents and Workflows. Then mirror again; `factory doctor` checks the token."
)
_LATER = "Mirror again later."
# GitHub asks for at least a minute after a secondary limit that names no time.
_SECONDARY_WAIT = timedelta(minutes=1)


@contextmanager
def github_errors(doing: str, where: str) -> Iterator[None]:
    """Turn PyGithub's and the network's exceptions into the factory's, with GitHub's own words."""
    import requests  # noqa: PLC0415 - heavy, and used only while mirroring
    from github import GithubException  # noqa: PLC0415 - as above

    try:
        yield
    except GithubException as error:
        raise _from_github(error, doing, where) from error
    except requests.RequestException as error:
        raise InfrastructureError(
            f"{doing} failed: {type(error).__name__}: {error}.",
            where=where,
            mend="Check the network and FACTORY_GITHUB_URL, then mirror again.",
        ) from error


def _from_github(error: GithubException, doing: str, where: str) -> FactoryError:
    words = f"{doing} was answered with {error.status}: {_message(error)}"
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status == 401:
        return CredentialError(f"GitHub refused the token. {words}", where=where, mend=SCOPES)
    if error.status in {403, 429}:
        if _is_rate_limit(error, headers):
            return RateLimitedError(words, where=where, mend=_LATER, until=_until(headers))
        return CredentialError(words, where=where, mend=SCOPES)
    if error.status >= 500:
        return InfrastructureError(words, where=where, mend=_LATER)
    return InputError(words, where=where, mend="Check GITHUB_USER and FACTORY_GITHUB_URL, then mirror again.")


def _message(error: GithubException) -> str:
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


def _until(headers: Mapping[str, str]) -> datetime:
    now = datetime.now(UTC)
    after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if after.isdigit():
        return now + timedelta(seconds=int(after))
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return datetime.fromtimestamp(int(reset), UTC)
    return now + _SECONDARY_WAIT


def is_name_taken(error: GithubException) -> bool:
    """Whether a 422 says that the name exists, which GitHub also answers to a create repeated after a 5xx."""
    return error.status == 422 and "name already exists" in _message(error)


def push_error(result: GitResult, where: str) -> FactoryError:
    """Why a push or ls-remote failed. Only what a later try can mend is an infrastructure failure."""
    said = f"{result.stderr}\n{result.stdout}"
    words = _remote_words(result)
    if "`workflow` scope" in said or any(
        sign in said
        for sign in ("error: 401", "error: 403", "Authentication failed", "could not read Username")
    ):
        return CredentialError(f"GitHub refused the push: {words}", where=where, mend=SCOPES)
    if "declined" in said:
        return GateError(
            f"GitHub refused what was pushed: {words}",
            where=where,
            mend="Read GitHub's words. Take a reported secret out of the repo's sources, or, if it is none,"
            " allow it by the link given there; then mirror again.",
        )
    if "[rejected]" in said:
        return NotOursError(
            f"Somebody else changed the repository meanwhile, so nothing was pushed: {words}",
            where=where,
            mend="See what is there, then mirror again.",
        )
    if "error: 429" in said:
        return RateLimitedError(
            f"GitHub asked to wait: {words}",
            where=where,
            mend=_LATER,
            until=datetime.now(UTC) + _SECONDARY_WAIT,
        )
    return InfrastructureError(f"The push did not go through: {words}", where=where, mend=_LATER)


def _remote_words(result: GitResult) -> str:
    remote = [
        line.removeprefix("remote:").strip()
        for line in result.stderr.splitlines()
        if line.startswith("remote:") and line.removeprefix("remote:").strip()
    ]
    return "\n".join(remote)[-2000:] or result.words
