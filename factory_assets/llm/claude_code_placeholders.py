"""Placeholders: what a sandbox holds in the place of each credential, made up anew for each run."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

# The program looks at how a credential begins.
_BEGINNINGS = {
    "ANTHROPIC_API_KEY": "sk-ant-api03-",
    "ANTHROPIC_AUTH_TOKEN": "sk-ant-api03-",
    "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-",
}
LOGIN_TOKEN = "CLAUDE_CODE_OAUTH_TOKEN"  # noqa: S105 - the name of a kind of token


@dataclass(frozen=True)
class Disguise:
    """The variables that a sandbox gets, and the real value of each placeholder among them."""

    environment: Mapping[str, str]
    real: Mapping[str, str] = field(repr=False)


def placeholder(name: str) -> str:
    """A value of the same shape as the credential of this name."""
    return f"{_BEGINNINGS[name]}placeholder-{secrets.token_urlsafe(48)}"


def disguise(credentials: Mapping[str, str]) -> Disguise:
    """Placeholders for credentials under the names that the program reads."""
    environment = {name: placeholder(name) for name in credentials}
    return Disguise(environment, {environment[name]: real for name, real in credentials.items()})
