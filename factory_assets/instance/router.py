"""The one way to a model for one instance: the live factory's router, or one in this process."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import SecretStr

from factory_assets.instance.secrets import Replay, Secrets
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.llm.router import RouterClient
    from factory_assets.router.client import RouterAccess, RouterState
    from factory_assets.router.made import RouterConfig
    from factory_assets.router.whereabouts import Whereabouts
    from factory_assets.router.windows import Room, Windows


class InstanceRouter:
    """The router that an instance's calls go through. One that is started here is handed to `held`, which ends it."""

    def __init__(self, settings: Settings, replay: Replay, secrets: Secrets, held: ExitStack) -> None:
        self._settings = settings
        self._replay = replay
        self._secrets = secrets
        self._held = held

    @cached_property
    def access(self) -> RouterAccess:
        """The way to the model: the router that hosts share, the live factory's, or one in a thread of this process."""
        from factory_assets.router.made import router_of
        from factory_assets.router.serving import in_thread

        place = self.place
        if (url := self._settings.shared_router_url) is not None:
            return place.access_to(url)
        if (found := place.find()) is not None:
            return found
        router = self._held.enter_context(router_of(place, self.config()))
        url = self._held.enter_context(in_thread(router))
        # Whoever has the way may have let go of the instance, and the router would end with it.
        return replace(place.access_to(url), keeps=self._held)

    @property
    def place(self) -> Whereabouts:
        """Where this instance's router keeps its files, and the key that its tokens are signed with."""
        from factory_assets.router.whereabouts import Whereabouts

        shared_key = None if self._replay.is_on else self._settings.factory_router_key
        return Whereabouts(self._settings.router_dir, shared_key)

    @property
    def shared_token(self) -> SecretStr | None:
        """What a router that hosts share takes from the factory's own processes; None where this host has its own."""
        return SecretStr(self.place.signer.control()) if self._settings.shared_router_url else None

    def state(self) -> RouterState | None:
        """What the hosts' shared router or the live factory's tells of itself; None where none runs."""
        access = self.access if self._settings.shared_router_url else self.place.find()
        return access.state() if access is not None else None

    def windows(self) -> Windows:
        """How full the subscription's windows are, by what the last answers told; no router need run."""
        from factory_assets.router.windows_file import WindowsFile

        return WindowsFile(self.place.windows).read()

    def room_for_build(self, minutes: float, now: datetime) -> Room:
        """Whether a build of so many minutes can end before a subscription's windows are full.

        It may be sent to any backend that takes agents, so one with room is enough. Only a subscription has windows;
        those of one that is no longer in use do not count, and a router that hosts share works with none.

        Raises:
            InputError: a backend's address or the backends file cannot be used.
        """
        from factory_assets.router.backends import Use
        from factory_assets.router.windows import Room

        if self._settings.shared_router_url is not None:
            return Room(fits=True)
        windows = self.windows()
        chain = self.config().chains[self.agents_backend]
        rooms = [
            windows.room(backend.name, minutes, now)
            if backend.credential_kind.is_subscription
            else Room(fits=True)
            for backend in chain
            if backend.serves(Use.AGENTS)
        ]
        # The one that lets it start first; a build that nothing takes says so itself.
        return min(rooms, key=lambda room: room.until or now, default=Room(fits=True))

    def config(self) -> RouterConfig:
        """How this instance's router works.

        Raises:
            InputError: a backend's address or the backends file cannot be used.
        """
        from factory_assets.llm.claude_code_home import Login
        from factory_assets.router.backends import CredentialKind
        from factory_assets.router.backends_file import default_backend
        from factory_assets.router.made import RouterConfig
        from factory_assets.router_settings import router_config

        if self._replay.is_on:
            played = default_backend(self._replay.url, CredentialKind.API_KEY, self._replay.key)
            return RouterConfig(chains={"api": (played,)})
        secrets, held = self._secrets, self._secrets.credentials()
        login = Login(secrets.claude_config).file if secrets.has_login and not held else None
        return router_config(self._settings, held, login)

    @property
    def agents_backend(self) -> str:
        """The backend that builds' agents ask."""
        return "router" if self._settings.gateway_url else "api"

    def gateway(self) -> RouterClient | None:
        """The gateway that the settings name, which is asked before any other; none in a replay."""
        from factory_assets.llm.router import RouterClient

        url = self._settings.gateway_url
        return RouterClient(url, api_key=self._secrets.api_key) if url else None

    @property
    def model_url(self) -> str:
        """Where models are asked first, behind the router."""
        if self._replay.is_on:
            return self._replay.url
        return self._settings.llm_router_url or self._settings.anthropic_base_url
