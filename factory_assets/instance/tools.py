"""What one instance has of this machine: the sandbox, git, and the package indexes that it is set to."""

from __future__ import annotations

import shutil
from functools import cached_property
from typing import TYPE_CHECKING

from factory_assets.domain.errors import MissingToolError
from factory_assets.instance.secrets import Replay
from factory_assets.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from factory_assets.domain.indexes import PackageIndexes
    from factory_assets.sandbox import ResourceLimits, Sandbox


class Tools:
    """The machine, as far as an instance may use it."""

    def __init__(self, settings: Settings, replay: Replay) -> None:
        self._settings = settings
        self._replay = replay

    def sandbox(self) -> Sandbox:
        """What runs untrusted programs.

        Raises:
            MissingToolError: nothing contains them, and the settings do not say to go without.
        """
        if not self.may_run_agents():
            raise MissingToolError(
                "Agents and the tests of what they build run only in a sandbox, and bubblewrap does not work here.",
                fix="Install the package bubblewrap (`factory doctor` tells why it does not work), or set"
                " FACTORY_UNSANDBOXED=1 at your own risk.",
            )
        return self._sandbox

    def may_run_agents(self) -> bool:
        """Whether what an agent does is contained, or need not be."""
        from factory_assets.sandbox import PlainSandbox

        contained = not isinstance(self._sandbox, PlainSandbox)
        return contained or self._replay.is_on or self._settings.factory_unsandboxed

    def limits(self) -> ResourceLimits:
        """What a program in the sandbox may take."""
        from factory_assets.sandbox import ResourceLimits

        settings = self._settings
        return ResourceLimits(
            memory_bytes=int(settings.factory_sandbox_memory_gb * 1024**3),
            processes=settings.factory_sandbox_processes,
            disk_bytes=int(settings.factory_sandbox_disk_gb * 1024**3),
        )

    def check_git(self) -> None:
        """Refuse to go on without git.

        Raises:
            MissingToolError: it is not installed.
        """
        if shutil.which("git") is None:
            raise MissingToolError("git is not installed.", fix="Install git; `factory doctor` checks it.")

    def indexes(self) -> PackageIndexes:
        """Where packages come from."""
        from factory_assets.dependencies.indexes import file_hosts
        from factory_assets.network.indexes import OwnIndexes

        return OwnIndexes(
            self._settings.factory_pypi_url,
            self._settings.factory_npm_url,
            files_of=None if self._replay.is_on else file_hosts,
        )

    @cached_property
    def _sandbox(self) -> Sandbox:
        from factory_assets.sandbox import find_sandbox

        settings = self._settings
        return find_sandbox(
            hidden=(PROJECT_ROOT, settings.factory_data_dir, settings.git_dir), limits=self.limits()
        )
