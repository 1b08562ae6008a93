"""What git and GitHub say when a push or a look at the refs fails, turned into the factory's errors."""

from __future__ import annotations

import re

from factory_assets.domain.errors import (
    CredentialError,
    FactoryError,
    GateError,
    InfrastructureError,
    NotOursError,
    RateLimitedError,
)
from factory_assets.mirror.git import GitResult
from factory_assets.mirror.github_errors import LATER, SCOPES, MissingError

# GH013 names the rule by its words, GH009 is the older form of the same.
_SECRETS = re.compile(r"GH009|push protection|cannot contain secrets|secrets? detected", re.IGNORECASE)
_ALLOW = re.compile(r"https?://\S+/unblock-secret/\S+")
_RATE_LIMIT = re.compile(r"(?:error:|HTTP) 429|rate limit", re.IGNORECASE)
_NOT_FOUND = re.compile(
    r"(?:error:|HTTP) 404|repository not found|repository '[^']*' not found", re.IGNORECASE
)
_NO_RIGHT = re.compile(r"(?:error:|HTTP) 403|Permission to \S+ denied", re.IGNORECASE)
_NO_CREDENTIAL = re.compile(
    r"`workflow` scope|(?:error:|HTTP) 401|Authentication failed|could not read Username"
)


class NoRightError(CredentialError):
    """The token may not write there: for a moment so after a creation, too."""


def push_error(result: GitResult, where: str) -> FactoryError:
    """Why a push or ls-remote failed. Only what a later try can fix is an infrastructure failure."""
    said = f"{result.stderr}\n{result.stdout}"
    words = _remote_words(result)
    return (
        _of_the_token(said, words, where)
        or _of_the_rules(said, words, where)
        or _of_the_moment(said, words, where)
        or InfrastructureError(f"The push did not go through: {words}", where=where, fix=LATER)
    )


def _of_the_token(said: str, words: str, where: str) -> FactoryError | None:
    if _NO_CREDENTIAL.search(said):
        return CredentialError(f"GitHub refused the push: {words}", where=where, fix=SCOPES)
    if _NO_RIGHT.search(said) and not _RATE_LIMIT.search(said):
        return NoRightError(f"GitHub refused the push: {words}", where=where, fix=SCOPES)
    return None


def _of_the_rules(said: str, words: str, where: str) -> FactoryError | None:
    if _SECRETS.search(said):
        return GateError(
            f"GitHub's push protection takes something in this repo for a secret: {words}",
            where=where,
            fix=_fix_secret(said),
        )
    if "declined" in said:
        return GateError(
            f"GitHub refused what was pushed: {words}",
            where=where,
            fix="A shipped repo is never changed. Let the rules of that account or organisation admit the token's"
            " pushes, then mirror again; or leave this repo unpublished.",
        )
    return None


def _of_the_moment(said: str, words: str, where: str) -> FactoryError | None:
    if "[rejected]" in said:
        return NotOursError(
            f"Somebody else changed the repository meanwhile, so nothing was pushed: {words}",
            where=where,
            fix="See what is there, then mirror again.",
        )
    if _RATE_LIMIT.search(said):
        return RateLimitedError(f"GitHub asked to wait: {words}", where=where, fix=LATER)
    if _NOT_FOUND.search(said):
        return MissingError(
            f"GitHub does not show the repository to git: {words}",
            where=where,
            fix="Let the token see it (a fine-grained token needs access to all repositories of the owner), then"
            " mirror again.",
        )
    return None


def _fix_secret(said: str) -> str:
    links = list(dict.fromkeys(_ALLOW.findall(said)))
    allow = f"allow it at {' and '.join(links)}" if links else "allow it by the link in GitHub's words"
    return (
        f"A shipped repo is never changed. If it is a false alarm, {allow}, then mirror again. If it is a real secret,"
        " leave this repo unpublished, have its owner revoke the secret, and report that the factory's own scanner"
        " did not find it."
    )


def _remote_words(result: GitResult) -> str:
    remote = [
        line.removeprefix("remote:").strip()
        for line in result.stderr.splitlines()
        if line.startswith("remote:") and line.removeprefix("remote:").strip()
    ]
    return "\n".join(remote)[-2000:] or result.words
