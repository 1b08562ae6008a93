"""What one instance has at hand: its registry, credentials, sandbox and ways to a model, made when first needed.

In replay mode all of them lead to a replay server inside this process, and nothing else is reached.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from factory_assets.domain.agents import Route, StructuredModel
from factory_assets.domain.errors import CredentialError, MissingToolError
from factory_assets.domain.redaction import Redactor
from factory_assets.registry import Registry
from factory_assets.settings import PROJECT_ROOT, Mode, Settings

if TYPE_CHECKING:
    from factory_assets.doctor.result import DoctorInputs
    from factory_assets.llm.claude_api import ClaudeApi
    from factory_assets.llm.claude_code import ClaudeCode
    from factory_assets.replay.server import ReplayServer
    from factory_assets.router.client import RouterAccess, RouterState
    from factory_assets.router.made import RouterConfig
    from factory_assets.router.whereabouts import Whereabouts
    from factory_assets.router.windows import Room, Windows
    from factory_assets.sandbox import ResourceLimits, Sandbox
    from factory_assets.secret_scan.scanner import SecretScanner

# Made up: the replay server wants them, and real ones must not reach it.
_REPLAY_KEY = SecretStr("sk-ant-replay-no-real-key")
REPLAY_GITHUB_TOKEN = SecretStr("ghp_replay-no-real-token")


def _now() -> datetime:
    return datetime.now(UTC)


class Access:
    """What the gateways of one instance are made of, in one process."""

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = _now) -> None:
        self._settings = settings
        self._clock = clock
        self._held = ExitStack()

    def now(self) -> datetime:
        """The time, in UTC."""
        return self._clock()

    @cached_property
    def registry(self) -> Registry:
        """The registry of this instance."""
        return Registry(self._settings.registry_path)

    def redactor(self) -> Redactor:
        """What takes this instance's secrets out of texts."""
        return Redactor(self._secrets())

    def secret_scanner(self) -> SecretScanner:
        """What finds secrets, this instance's and others', in a repository's history."""
        from factory_assets.secret_scan.rules import Kingfisher, rule_cache
        from factory_assets.secret_scan.scanner import SecretScanner

        return SecretScanner(self._secrets(), Kingfisher(cache=rule_cache()))

    def credential_digest(self) -> str:
        """A digest of the credential and the models in use: it changes when the operator changes one of them."""
        digest = hashlib.sha256(self._agents_url().encode())
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
        credentials = self._credentials()
        for name, secret in sorted(credentials.items()):
            digest.update(f"\0{name}={secret.get_secret_value()}".encode())
        if not credentials and self._has_login():
            digest.update((_claude_config() / ".credentials.json").read_bytes())
        return digest.hexdigest()[:16]

    def credential_works(self) -> bool | None:
        """Whether the model's server takes the credential, tried without cost.

        None where that cannot be told: a login and a token of Claude Code have nothing free to ask for, and a server
        may not answer. True tells nothing of an account without credit.
        """
        from factory_assets.doctor.result import Severity
        from factory_assets.doctor.services import check_claude_api
        from factory_assets.llm.router import RouterClient

        settings = self._settings
        if self._replays:
            return True
        if settings.llm_router_url:
            key = settings.anthropic_api_key or settings.anthropic_auth_token
            return RouterClient(settings.llm_router_url, api_key=key).takes_the_key()
        tried = check_claude_api(self.doctor_inputs())
        if tried is None or (not tried.ok and tried.severity is Severity.WARNING):
            return None
        return tried.ok

    def check_credentials(self) -> None:
        """Refuse a live instance that has no way to a model.

        Raises:
            CredentialError: naming what would serve.
        """
        settings = self._settings
        if self._replays or settings.llm_router_url or self._credentials() or self._has_login():
            return
        raise CredentialError(
            "No credential for Claude.",
            fix="Set ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, CLAUDE_CODE_OAUTH_TOKEN or LLM_ROUTER_URL in .env,"
            " or log in once with Claude Code's own program. Without any, `make demo` shows the factory.",
        )

    def doctor_inputs(self) -> DoctorInputs:
        """What the doctor looks at."""
        from factory_assets.doctor.result import DoctorInputs

        settings = self._settings
        return DoctorInputs(
            live=not self._replays,
            data_dir=settings.factory_data_dir,
            claude_config=_claude_config(),
            anthropic_url=settings.anthropic_base_url,
            github_url=settings.factory_github_url,
            api_key=settings.anthropic_api_key,
            auth_token=settings.anthropic_auth_token,
            oauth_token=settings.claude_code_oauth_token,
            router_url=settings.llm_router_url,
            claude_binary=settings.claude_binary,
            github_token=settings.github_token,
            github_owner=settings.github_user,
            mirror_dir=settings.factory_mirror_dir,
            pypi_url=settings.factory_pypi_url,
            npm_url=settings.factory_npm_url,
            alert_urls=settings.alert_urls,
            unsandboxed=settings.factory_unsandboxed,
            sandbox_limits=self._sandbox_limits(),
            weak_secrets=tuple(settings.weak_secrets()),
            redact=self.redactor(),
        )

    @property
    def _replays(self) -> bool:
        return self._settings.factory_mode is Mode.REPLAY

    @cached_property
    def _replay(self) -> ReplayServer:
        from factory_assets.replay.arxiv_api import ArxivApi
        from factory_assets.replay.recordings import Recordings
        from factory_assets.replay.server import ReplayServer

        recorded = self._settings.factory_recordings_dir
        return self._held.enter_context(
            ReplayServer(
                recordings=Recordings.load(recorded) if recorded else Recordings.demo(),
                arxiv=ArxivApi.sample(),
                accepted_keys=frozenset({_REPLAY_KEY.get_secret_value()}),
                github_token=REPLAY_GITHUB_TOKEN.get_secret_value(),
            )
        )

    @property
    def _locks_dir(self) -> Path:
        return self._settings.factory_data_dir / "locks"

    @property
    def _agents_dir(self) -> Path:
        return self._settings.factory_data_dir / "claude-code"

    def _credentials(self) -> dict[str, SecretStr]:
        if self._replays:
            return {"ANTHROPIC_API_KEY": _REPLAY_KEY}
        settings = self._settings
        named = {
            "ANTHROPIC_API_KEY": settings.anthropic_api_key,
            "ANTHROPIC_AUTH_TOKEN": settings.anthropic_auth_token,
            "CLAUDE_CODE_OAUTH_TOKEN": settings.claude_code_oauth_token,
        }
        return {name: value for name, value in named.items() if value is not None}

    def _secrets(self) -> tuple[str, ...]:
        from factory_assets.llm.claude_code_home import Login

        values = [value for values in self._settings.secrets().values() for value in values]
        if self._replays:
            values.append(_REPLAY_KEY.get_secret_value())
        if self._has_login():
            # A login that cannot be read is no credential either; who needs it says so.
            with suppress(CredentialError):
                values += Login(_claude_config()).secrets()
        return tuple(values)

    def _has_login(self) -> bool:
        return (_claude_config() / ".credentials.json").exists()

    def _agents_url(self) -> str:
        if self._replays:
            return self._replay.url
        return self._settings.llm_router_url or self._settings.anthropic_base_url

    @cached_property
    def _access(self) -> RouterAccess:
        """The way to the model: the live factory's router, or else one in a thread of this process."""
        from factory_assets.router.made import router_of
        from factory_assets.router.serving import in_thread

        place = self.router_place
        if (found := place.find()) is not None:
            return found
        router = self._held.enter_context(router_of(place, self.router_config()))
        url = self._held.enter_context(in_thread(router))
        # Whoever has the way may have let go of this object, and the router would end with it.
        return replace(place.access_to(url), keeps=self._held)

    @property
    def router_place(self) -> Whereabouts:
        """Where this instance's router keeps its files."""
        from factory_assets.router.whereabouts import Whereabouts

        return Whereabouts(self._settings.router_dir)

    def router_state(self) -> RouterState | None:
        """What the live factory's router tells of itself; None where none runs."""
        access = self.router_place.find()
        return access.state() if access is not None else None

    def windows(self) -> Windows:
        """How full the subscription's windows are, by what the last answers told; no router need run."""
        from factory_assets.router.windows_file import WindowsFile

        return WindowsFile(self.router_place.windows).read()

    def room_for_build(self, minutes: float, now: datetime) -> Room:
        """Whether a build of so many minutes can end before a subscription's windows are full.

        It may be sent to any backend that takes agents, so one with room is enough. Only a subscription has windows;
        those of one that is no longer in use do not count.

        Raises:
            InputError: a backend's address or the backends file cannot be used.
        """
        from factory_assets.router.backends import Use
        from factory_assets.router.windows import Room

        windows = self.windows()
        chain = self.router_config().chains[self._agents_backend]
        rooms = [
            windows.room(backend.name, minutes, now)
            if backend.credential_kind.is_subscription
            else Room(fits=True)
            for backend in chain
            if backend.serves(Use.AGENTS)
        ]
        # The one that lets it start first; a build that nothing takes says so itself.
        return min(rooms, key=lambda room: room.until or now, default=Room(fits=True))

    def router_config(self) -> RouterConfig:
        """How this instance's router works.

        Raises:
            InputError: a backend's address or the backends file cannot be used.
        """
        from factory_assets.llm.claude_code_home import Login
        from factory_assets.router.backends import CredentialKind
        from factory_assets.router.backends_file import default_backend
        from factory_assets.router.made import RouterConfig
        from factory_assets.router_settings import router_config

        if self._replays:
            return RouterConfig(
                chains={"api": (default_backend(self._replay.url, CredentialKind.API_KEY, _REPLAY_KEY),)}
            )
        held = self._credentials()
        login = Login(_claude_config()).file if self._has_login() and not held else None
        return router_config(self._settings, held, login)

    def _routes(self) -> list[tuple[Route, StructuredModel]]:
        from factory_assets.llm.routed_api import RoutedApi

        settings, access = self._settings, self._access
        key, token = settings.anthropic_api_key, settings.anthropic_auth_token
        routes: list[tuple[Route, StructuredModel]] = []
        if self._replays:
            return [(Route.API, RoutedApi(access, self._api()))]
        if settings.llm_router_url:
            routes.append((Route.ROUTER, RoutedApi(*self._first_api())))
        if key or token:
            routes.append((Route.API, RoutedApi(access, self._api())))
        if (self._credentials() or self._has_login()) and self._may_run_agents():
            routes.append((Route.CLAUDE_CODE, self._claude_code("api")))
        return routes

    def _first_api(self) -> tuple[RouterAccess, ClaudeApi]:
        """What plain questions are asked of first: the gateway, where there is one."""
        from factory_assets.llm.router import RouterClient

        settings = self._settings
        if self._replays or not settings.llm_router_url:
            return self._access, self._api()
        key = settings.anthropic_api_key or settings.anthropic_auth_token
        return self._access.to("router"), RouterClient(settings.llm_router_url, api_key=key).model()

    def _api(self) -> ClaudeApi:
        from factory_assets.llm.claude_api import ClaudeApi

        settings = self._settings
        if self._replays:
            return ClaudeApi(self._replay.url, api_key=_REPLAY_KEY)
        key, token = settings.anthropic_api_key, settings.anthropic_auth_token
        return ClaudeApi(settings.anthropic_base_url, api_key=key, auth_token=token)

    def _claude_code(self, backend: str) -> ClaudeCode:
        from factory_assets.llm.claude_code import ClaudeCode

        settings = self._settings
        credentials = self._credentials()
        return ClaudeCode(
            self._require_sandbox(),
            self._access.to(backend),
            asked=self.redactor()(self._agents_url() if backend == "router" else settings.anthropic_base_url),
            credentials=credentials,
            binary=settings.claude_binary,
            state_dir=self._agents_dir,
            login_home=None if credentials or not self._has_login() else _claude_config(),
        )

    @property
    def _agents_backend(self) -> str:
        return "router" if self._settings.llm_router_url and not self._replays else "api"

    @cached_property
    def _sandbox(self) -> Sandbox:
        from factory_assets.sandbox import find_sandbox

        settings = self._settings
        return find_sandbox(
            hidden=(PROJECT_ROOT, settings.factory_data_dir, settings.git_dir), limits=self._sandbox_limits()
        )

    def _sandbox_limits(self) -> ResourceLimits:
        from factory_assets.sandbox import ResourceLimits

        settings = self._settings
        return ResourceLimits(
            memory_bytes=int(settings.factory_sandbox_memory_gb * 1024**3),
            processes=settings.factory_sandbox_processes,
            disk_bytes=int(settings.factory_sandbox_disk_gb * 1024**3),
        )

    def _may_run_agents(self) -> bool:
        from factory_assets.sandbox import PlainSandbox

        contained = not isinstance(self._sandbox, PlainSandbox)
        return contained or self._replays or self._settings.factory_unsandboxed

    def _require_sandbox(self) -> Sandbox:
        if not self._may_run_agents():
            raise MissingToolError(
                "Agents and the tests of what they build run only in a sandbox, and bubblewrap does not work here.",
                fix="Install the package bubblewrap (`factory doctor` tells why it does not work), or set"
                " FACTORY_UNSANDBOXED=1 at your own risk.",
            )
        return self._sandbox

    def _require_git(self) -> None:
        if shutil.which("git") is None:
            raise MissingToolError("git is not installed.", fix="Install git; `factory doctor` checks it.")


def _claude_config() -> Path:
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
