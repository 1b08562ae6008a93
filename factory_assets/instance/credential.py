"""The credential for the model: whether there is one, whether it serves, and when it has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from factory_assets.domain.errors import CredentialError
from factory_assets.instance.router import InstanceRouter
from factory_assets.instance.secrets import Replay, Secrets
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.doctor.result import DoctorInputs


class Credential:
    """What an instance shows to whoever answers for the model. `inputs` is what the doctor looks at."""

    def __init__(
        self,
        settings: Settings,
        replay: Replay,
        secrets: Secrets,
        router: InstanceRouter,
        inputs: Callable[[], DoctorInputs],
    ) -> None:
        self._settings = settings
        self._replay = replay
        self._secrets = secrets
        self._router = router
        self._inputs = inputs

    def digest(self) -> str:
        """A digest of the credential and the models in use: it changes when the operator changes one of them."""
        digest = hashlib.sha256(self._router.model_url.encode())
        settings = self._settings
        for model in (
            settings.factory_analyze_model,
            settings.factory_build_model,
            settings.factory_seo_model,
            settings.factory_review_model,
            settings.factory_reader_model,
            settings.factory_acceptance_model,
        ):
            digest.update(f"\0{model}".encode())
        credentials = self._secrets.credentials()
        for name, secret in sorted(credentials.items()):
            digest.update(f"\0{name}={secret.get_secret_value()}".encode())
        if not credentials and self._secrets.has_login:
            digest.update(self._secrets.login_file.read_bytes())
        return digest.hexdigest()[:16]

    def works(self) -> bool | None:
        """Whether the model's server takes the credential, tried without cost.

        None where that cannot be told: a login and a token of Claude Code have nothing free to ask for, and a server
        may not answer. True tells nothing of an account without credit.
        """
        from factory_assets.doctor.result import Severity
        from factory_assets.doctor.services import check_claude_api

        if self._replay.is_on:
            return True
        if self._settings.shared_router_url is not None:
            return self._router.access.answers()
        if (gateway := self._router.gateway()) is not None:
            return gateway.takes_the_key()
        tried = check_claude_api(self._inputs())
        if tried is None or (not tried.ok and tried.severity is Severity.WARNING):
            return None
        return tried.ok

    def check(self) -> None:
        """Refuse a live instance that has no way to a model.

        Raises:
            CredentialError: naming what would serve.
        """
        secrets = self._secrets
        if self._replay.is_on or self._settings.llm_router_url or secrets.credentials() or secrets.has_login:
            return
        raise CredentialError(
            "No credential for Claude.",
            fix="Set ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, CLAUDE_CODE_OAUTH_TOKEN or LLM_ROUTER_URL in .env,"
            " or log in once with Claude Code's own program. Without any, `make demo` shows the factory.",
        )
