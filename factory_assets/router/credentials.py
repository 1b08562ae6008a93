"""The credential that opens the model's API; callers hold tokens of the router in its place."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.domain.errors import CredentialError

# Whose header the program must bring along; see https://code.claude.com/docs/en/iam for the kinds.
_KEY_HEADER, _TOKEN_HEADER = "x-api-key", "authorization"


@dataclass(frozen=True)
class Credentials:
    """What the operator has given: a key, a bearer token or a login of Claude Code's own (the file that holds it).

    A login serves the calls of Claude Code alone: Anthropic's terms allow no other program to use it.
    """

    api_key: str | None = field(default=None, repr=False)
    auth_token: str | None = field(default=None, repr=False)
    login_file: Path | None = None

    def header(self, shown_in: str) -> tuple[str, str]:
        """The header that takes the place of the one in which a caller has shown its token.

        A key stays a key and a bearer token a bearer token where there are both, since the program that calls sends
        different headers beside each.

        Raises:
            CredentialError: there is none, or the login cannot be read.
        """
        if self.api_key is not None and (shown_in == _KEY_HEADER or self._bearer() is None):
            return _KEY_HEADER, self.api_key
        bearer = self._bearer()
        if bearer is None:
            raise CredentialError("There is no credential for the model's API.")
        return _TOKEN_HEADER, f"Bearer {bearer}"

    def _bearer(self) -> str | None:
        if self.auth_token is not None or self.login_file is None:
            return self.auth_token
        try:
            token = json.loads(self.login_file.read_text(encoding="utf-8"))["claudeAiOauth"]["accessToken"]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise CredentialError(
                "Claude Code's own login cannot be read.",
                where=str(self.login_file),
                mend="Log in with `claude`, or set CLAUDE_CODE_OAUTH_TOKEN or ANTHROPIC_API_KEY.",
            ) from error
        return str(token)
