"""What runs Claude Code for one instance: where it asks, with which credential, and where its sessions are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from factory_assets.instance.router import InstanceRouter
from factory_assets.instance.secrets import Replay, Secrets
from factory_assets.instance.tools import Tools
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.llm.claude_code import ClaudeCode


class Agents:
    """Makes runners of agents, one for each backend of the router."""

    def __init__(
        self, settings: Settings, replay: Replay, secrets: Secrets, tools: Tools, router: InstanceRouter
    ) -> None:
        self._settings = settings
        self._replay = replay
        self._secrets = secrets
        self._tools = tools
        self._router = router

    def of(self, backend: str) -> ClaudeCode:
        """What runs agents that ask that backend.

        Raises:
            MissingToolError: they cannot be contained here.
        """
        from factory_assets.llm.claude_code import ClaudeCode

        settings, secrets = self._settings, self._secrets
        credentials = secrets.credentials()
        asked = self._router.model_url if backend == "router" else settings.anthropic_base_url
        return ClaudeCode(
            self._tools.sandbox(),
            self._router.access.to(backend),
            asked=secrets.redactor()(asked),
            credentials=credentials,
            binary=settings.claude_binary,
            state_dir=self._state_dir,
            login_home=None if credentials or not secrets.has_login else secrets.claude_config,
        )

    def for_builds(self) -> ClaudeCode:
        """What runs the agents of builds. Raises as `of`."""
        return self.of(self._router.agents_backend)

    def version(self) -> str:
        """Claude Code's.

        Raises:
            MissingToolError: there is no such program.
        """
        from factory_assets.llm.claude_code_binary import claude_code_version, find_claude_binary

        return claude_code_version(find_claude_binary(self._settings.claude_binary))

    def sessions_of(self, name: str) -> Path:
        """Where the agents of the repo of that name keep their sessions."""
        from factory_assets.llm.claude_code_home import home_of

        return home_of(self._state_dir, self._settings.workspaces_dir / name / "work")

    @property
    def _state_dir(self) -> Path:
        return self._settings.factory_data_dir / "claude-code"
