"""The secrets of one instance: which it has, what takes them out of texts, and what a replay has in their place."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from factory_assets.domain.errors import CredentialError
from factory_assets.domain.redaction import Redactor
from factory_assets.settings import Mode, Settings

if TYPE_CHECKING:
    from factory_assets.replay.server import ReplayServer
    from factory_assets.secret_scan.scanner import SecretScanner

# Made up: the replay server wants them, and real ones must not reach it.
_KEY = SecretStr("sk-ant-replay-no-real-key")
_GITHUB_TOKEN = SecretStr("ghp_replay-no-real-token")
# The requests of a replay are not spaced, and would wait for the next minute with every thirtieth search.
_SEARCHES_A_MINUTE = 10_000


class Replay:
    """Whether an instance replays, and the server that plays arXiv, Claude and the catalogues then.

    What is started is handed to `held`, which ends it.
    """

    key = _KEY
    github_token = _GITHUB_TOKEN

    def __init__(self, settings: Settings, held: ExitStack) -> None:
        self._settings = settings
        self._held = held

    @property
    def is_on(self) -> bool:
        """Whether nothing but the server is to be reached."""
        return self._settings.factory_mode is Mode.REPLAY

    @property
    def url(self) -> str:
        """Where the server listens; the first who asks starts it."""
        return self.server.url

    @cached_property
    def server(self) -> ReplayServer:
        """The server, listening."""
        from factory_assets.replay.arxiv_recorded import RecordedArxiv
        from factory_assets.replay.recordings import Recordings
        from factory_assets.replay.server import ReplayServer

        recorded = self._settings.factory_recordings_dir
        return self._held.enter_context(
            ReplayServer(
                recordings=Recordings.load(recorded) if recorded else Recordings.demo(),
                arxiv=RecordedArxiv.sample(),
                accepted_keys=frozenset({_KEY.get_secret_value()}),
                github_token=_GITHUB_TOKEN.get_secret_value(),
                github_searches=_SEARCHES_A_MINUTE,
            )
        )


class Secrets:
    """The credentials for Claude, all other secrets, and what keeps them in."""

    def __init__(self, settings: Settings, replay: Replay) -> None:
        self._settings = settings
        self._replay = replay
        self._made: tuple[tuple[str, ...], Redactor] | None = None

    def credentials(self) -> dict[str, SecretStr]:
        """What opens the way to Claude, by the name that Claude Code has for it."""
        if self._replay.is_on:
            return {"ANTHROPIC_API_KEY": _KEY}
        settings = self._settings
        named = {
            "ANTHROPIC_API_KEY": settings.anthropic_api_key,
            "ANTHROPIC_AUTH_TOKEN": settings.anthropic_auth_token,
            "CLAUDE_CODE_OAUTH_TOKEN": settings.claude_code_oauth_token,
        }
        if settings.shared_router_url is not None:
            # The hosts' router holds the credential, and takes what its key has signed.
            named = {"ANTHROPIC_API_KEY": settings.factory_router_key}
        return {name: value for name, value in named.items() if value is not None}

    @property
    def api_key(self) -> SecretStr | None:
        """What a gateway takes as a key."""
        held = self.credentials()
        return held.get("ANTHROPIC_API_KEY") or held.get("ANTHROPIC_AUTH_TOKEN")

    @property
    def claude_config(self) -> Path:
        """Where Claude Code keeps its own login."""
        return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")

    @property
    def login_file(self) -> Path:
        """The login's file, which need not be there."""
        return self.claude_config / ".credentials.json"

    @property
    def has_login(self) -> bool:
        """Whether somebody has logged in with Claude Code's own program."""
        return self.login_file.exists()

    def values(self) -> tuple[str, ...]:
        """Every secret that this instance knows."""
        from factory_assets.llm.claude_code_home import Login

        values = [value for values in self._settings.secrets().values() for value in values]
        if self._replay.is_on:
            values.append(_KEY.get_secret_value())
        if self.has_login:
            # A login that cannot be read is no credential either; who needs it says so.
            with suppress(CredentialError):
                values += Login(self.claude_config).secrets()
        return tuple(values)

    def redactor(self) -> Redactor:
        """What takes this instance's secrets out of texts. Each border asks anew: a login is renewed at any time."""
        values = self.values()
        if self._made is None or self._made[0] != values:
            self._made = values, Redactor(values)
        return self._made[1]

    def secret_scanner(self) -> SecretScanner:
        """What finds secrets, this instance's and others', in a repository's history."""
        from factory_assets.secret_scan.rules import Kingfisher, rule_cache
        from factory_assets.secret_scan.scanner import SecretScanner

        return SecretScanner(self.values(), Kingfisher(cache=rule_cache()))
