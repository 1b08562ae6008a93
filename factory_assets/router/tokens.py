"""What a caller shows the router instead of a credential: who asks, for which repo and phase, and for how many dollars.

A token is signed by the instance's own key, so that any of its processes can issue one and none has to be asked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from factory_assets.domain.errors import CredentialError

PREFIX = "factory-"
_CONTROL = b"control"
_KEY_BYTES = 32
_KEY_MODE = 0o600


class Grant(BaseModel):
    """What a token allows: calls of one phase, or a question, to one backend, until a time and up to a sum.

    With `login` each call brings a person's own login of Claude Code along, which is passed on as it is. `plain` calls
    are questions by themselves, made by the factory and not by Claude Code. `batches` opens the Message Batches API.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(default_factory=lambda: secrets.token_hex(8))
    stage: str
    repo: str | None = None
    phase: str | None = None
    login: bool = False
    plain: bool = False
    batches: bool = False
    backend: str = "api"
    limit_usd: float = Field(ge=0)
    until: AwareDatetime

    @property
    def words(self) -> str:
        """What it is for, in words."""
        return f"{self.repo}, phase {self.phase}" if self.repo else f"the stage {self.stage}"


@dataclass(frozen=True)
class Signer:
    """Issues and reads tokens by a key: what several hosts share, or else one in a file, made when first asked for."""

    file: Path
    shared_key: SecretStr | None = None

    def issue(self, grant: Grant, *, beginning: str = "") -> str:
        """The token for a grant; programs look at the beginning of a credential."""
        said = grant.model_dump_json(exclude_defaults=True).encode()
        return f"{beginning}{PREFIX}{_encoded(said)}.{_encoded(self._mark(said))}"

    def control(self) -> str:
        """What the factory's own processes and its operator show, to see and to end grants. It opens no model."""
        return f"{PREFIX}{_encoded(self._mark(_CONTROL))}"

    def is_control(self, token: str) -> bool:
        """Whether it is that, told in a time that says nothing of it."""
        return hmac.compare_digest(token.encode(), self.control().encode())

    def read(self, token: str, *, now: datetime) -> Grant:
        """The grant that a token was issued for.

        Raises:
            CredentialError: it is none of this instance's, or its time is over.
        """
        _, is_token, shown = token.partition(PREFIX)
        said, _, mark = shown.partition(".")
        try:
            content = _decoded(said)
            is_own = hmac.compare_digest(self._mark(content), _decoded(mark))
            grant = Grant.model_validate_json(content) if is_own and is_token else None
        except (ValueError, ValidationError):
            grant = None
        if grant is None:
            raise CredentialError("This is no token of this factory.")
        if grant.until <= now:
            raise CredentialError(f"The token of {grant.words}, has ended.")
        return grant

    def _mark(self, content: bytes) -> bytes:
        return hmac.digest(self._key(), content, hashlib.sha256)

    def _key(self) -> bytes:
        if self.shared_key is not None:
            return self.shared_key.get_secret_value().encode()
        try:
            return self.file.read_bytes()
        except FileNotFoundError:
            self._make()
            return self.file.read_bytes()

    def _make(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_name(f"{self.file.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _KEY_MODE), "wb") as written:
            written.write(secrets.token_bytes(_KEY_BYTES))
            written.flush()
            os.fsync(written.fileno())
        try:
            # Of processes that make one together, the first one's counts.
            with suppress(FileExistsError):
                os.link(draft, self.file)
        finally:
            draft.unlink()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
