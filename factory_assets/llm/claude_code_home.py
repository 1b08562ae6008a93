"""The HOME of a Claude Code run, outside its workspace, and a person's login lent to it."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from factory_assets.domain.errors import CredentialError

_FIX = (
    "Log in with `claude`, or set CLAUDE_CODE_OAUTH_TOKEN (from `claude setup-token`) or ANTHROPIC_API_KEY."
)

# The program takes a token for expired as long before it is.
_EARLY_SECONDS = 300


class _Tokens(BaseModel):
    model_config = ConfigDict(extra="allow")
    access_token: str = Field(alias="accessToken", min_length=1)


class _Credentials(BaseModel):
    model_config = ConfigDict(extra="allow")
    tokens: _Tokens = Field(alias="claudeAiOauth")


@dataclass(frozen=True)
class Lent:
    """A lent login: when (Unix time) it stops to be good."""

    expires_at: float | None

    @property
    def has_expired(self) -> bool:
        """Whether it is over, or the program, which tells that without asking the API, takes it for over."""
        return self.expires_at is not None and self.expires_at <= time.time() + _EARLY_SECONDS


@dataclass(frozen=True)
class Login:
    """A person's own login: `folder` is their ~/.claude, whose tokens the program keeps in a file."""

    folder: Path

    @property
    def file(self) -> Path:
        """Where the program keeps it."""
        return self.folder / ".credentials.json"

    def lend(self, home: Path, token: str) -> Lent:
        """Write the login into `home` with another token in the place of its own.

        The token that renews it stays away: whoever renews a login makes the old one invalid, so an agent
        that did would log the person out. A run that outlasts the lent token (some hours) ends as an
        authentication failure.

        Raises:
            CredentialError: the login is none, or its token has expired.
        """
        content = json.loads(self._read())
        tokens = content["claudeAiOauth"]
        tokens["accessToken"] = token
        tokens.pop("refreshToken", None)
        expires_at = tokens.get("expiresAt")
        lent = Lent(expires_at / 1000 if isinstance(expires_at, int | float) else None)
        if lent.has_expired:
            raise CredentialError(
                "Claude Code's own login has expired.",
                where=str(self.file),
                fix="Run `claude` once and let it answer: that renews the login.",
            )
        # Other entries of the file are tokens as well, for other servers.
        _write(_login_file(home), json.dumps({"claudeAiOauth": tokens}))
        return lent

    def copy(self, home: Path) -> None:
        """Copy the whole login into `home`: only for runs without tools, followed by `take_back`."""
        _write(_login_file(home), self._read())

    def take_back(self, home: Path) -> None:
        """Keep the login that the program may have renewed in `home`."""
        renewed = _login_file(home).read_text(encoding="utf-8")
        try:
            _Credentials.model_validate_json(renewed)
        except ValidationError:
            return
        if renewed != self._read():
            _write(self.file, renewed)

    def secrets(self) -> list[str]:
        """The tokens of the login, for redaction."""
        tokens = json.loads(self._read())["claudeAiOauth"]
        return [tokens[name] for name in ("accessToken", "refreshToken") if isinstance(tokens.get(name), str)]

    def _read(self) -> str:
        try:
            text = self.file.read_text(encoding="utf-8")
            _Credentials.model_validate_json(text)
        except (OSError, ValidationError) as error:
            kind = "not readable" if isinstance(error, OSError) else "not what Claude Code writes"
            raise CredentialError(
                f"Claude Code's own login is {kind}.", where=str(self.file), fix=_FIX
            ) from None
        return text


def home_of(state_dir: Path, workspace: Path) -> Path:
    """The folder that belongs to the runs in one workspace."""
    digest = hashlib.sha256(str(workspace.resolve()).encode()).hexdigest()[:12]
    return state_dir / f"{workspace.name}-{digest}"


def _login_file(home: Path) -> Path:
    return home / ".claude" / ".credentials.json"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text, encoding="utf-8")
    new.replace(path)
