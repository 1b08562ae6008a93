"""A person's own login of Claude Code, which serves the calls of Claude Code alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from factory_assets.domain.errors import CredentialError


@dataclass(frozen=True)
class LoginFile:
    """The file in which Claude Code keeps the login; it is read for each call, because the program renews it."""

    file: Path

    def token(self) -> str:
        """The token that opens the API.

        Raises:
            CredentialError: there is none.
        """
        try:
            return str(json.loads(self.file.read_text(encoding="utf-8"))["claudeAiOauth"]["accessToken"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise CredentialError(
                "Claude Code's own login cannot be read.",
                where=str(self.file),
                fix="Log in with `claude`, or set CLAUDE_CODE_OAUTH_TOKEN or ANTHROPIC_API_KEY.",
            ) from error
