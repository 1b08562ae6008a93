"""Running a package manager with network, contained; its failures told apart from the registry's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factory_assets.dependencies.resolution import DependencyFaultError
from factory_assets.domain.agents import Command, CommandResult, CommandRunner, Reach
from factory_assets.domain.errors import InfrastructureError, MissingToolError
from factory_assets.domain.indexes import PackageIndexes
from factory_assets.domain.text import strip_hidden, tail
from factory_assets.domain.trees import SYMLINK, Tree
from factory_assets.folders import fresh_folder
from factory_assets.network.trust import trust

_NOT_FOUND_EXIT_CODE = 127
_CERTIFICATES = ".factory-certificates.pem"


@dataclass(frozen=True, kw_only=True)
class Online:
    """Where and how package managers run. `scratch` is a folder of its own; `seconds` is for each command."""

    commands: CommandRunner
    scratch: Path
    indexes: PackageIndexes
    seconds: float = 600.0

    def folder(self) -> Path:
        """The folder to work in, empty."""
        return fresh_folder(self.scratch)

    def certificates(self, url: str) -> Path | None:
        """A copy in the folder of what this machine's other clients believe; None where the address has no TLS.

        Raises:
            InputError: the environment names certificates that are not there.
        """
        if not url.startswith("https:"):
            return None
        copy = self.scratch / _CERTIFICATES
        copy.write_bytes(trust().content())
        return copy

    def run(self, *argv: str, hosts: tuple[str, ...], env: Mapping[str, str] | None = None) -> CommandResult:
        """Run a package manager in the folder; it may reach these hosts.

        Raises:
            MissingToolError: when it is not there.
            InfrastructureError: when it took too long or passed a limit of this machine.
        """
        result = self.commands.run(
            Command(
                argv=argv,
                workspace=self.scratch,
                timeout_seconds=self.seconds,
                reach=Reach(hosts),
                env=env or {},
            )
        )
        if result.timed_out or result.stopped:
            raise InfrastructureError(
                f"{' '.join(argv[:3])} was stopped after {result.seconds:.0f} s: {result.stopped or 'too slow'}.",
                where=", ".join(hosts),
                fix="Check this machine's network, or raise FACTORY_GATE_MINUTES.",
            )
        if result.exit_code == _NOT_FOUND_EXIT_CODE:
            raise MissingToolError(f"{argv[0]} is not installed.", fix="Install it; see `factory doctor`.")
        return result


def check_done(
    tool: str,
    result: CommandResult,
    *,
    hosts: tuple[str, ...],
    out_of_reach: re.Pattern[str],
    declared_in: str,
    said_from: str = "",
) -> None:
    """Of a package manager that failed, tell whether it refused or its registry could not be reached.

    Raises:
        DependencyFaultError: it refused, with what it said beginning at `said_from`, or it asked for a host that is no
            registry of the language.
        InfrastructureError: `out_of_reach` is in what it said; its own words are in the error.
    """
    if result.exit_code == 0:
        return
    strange = [place for place in result.refused if not place.startswith(hosts)]
    if strange:
        raise DependencyFaultError(
            [f"{tool} was led to {', '.join(strange)}, which is no package registry of this factory"]
        )
    if result.refused or result.unreached or out_of_reach.search(result.output):
        raise InfrastructureError(
            f"{tool} could not reach the package registry: {strip_hidden(tail(result.output, lines=5))}",
            where=", ".join(hosts),
            fix="Check this machine's network and the registry's address.",
        )
    said = strip_hidden(tail(result.output[max(result.output.find(said_from), 0) :], lines=20))
    raise DependencyFaultError(
        [f"{tool} cannot install what {declared_in} declares or the code imports:", said]
    )


def write_tree(tree: Tree, folder: Path) -> None:
    """Write the files of a tree, links left out: a package manager must not be led elsewhere by one."""
    for path, file in tree.items():
        if file.mode != SYMLINK and file.data is not None:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.data)
