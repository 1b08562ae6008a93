"""Which sandbox this machine can give."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from factory_assets.domain.agents import Command
from factory_assets.domain.errors import MissingToolError
from factory_assets.sandbox.base import Sandbox
from factory_assets.sandbox.bubblewrap import BubblewrapSandbox
from factory_assets.sandbox.limits import ResourceLimits
from factory_assets.sandbox.plain import PlainSandbox
from factory_assets.sandbox.toolchains import default_toolchains
from factory_assets.scratch import scratch_folder

_TRIAL_SECONDS = 20.0


def find_sandbox(
    *,
    hidden: Sequence[Path],
    toolchain_paths: Sequence[Path] | None = None,
    limits: ResourceLimits | None = None,
) -> Sandbox:
    """Bubblewrap where it really works, else the plain sandbox, whose `missing` says why.

    Each bubblewrap is tried once per process and set of arguments.

    Args:
        hidden: what no program may ever see, even below a toolchain: the clone, the data folder.
        toolchain_paths: folders with a `bin`, or single programs; those found on PATH by default.
        limits: what a program may take of the machine.
    """
    toolchains = default_toolchains() if toolchain_paths is None else tuple(toolchain_paths)
    where = tuple(path.resolve() for path in hidden)
    return _find(shutil.which("bwrap"), where, toolchains, limits or ResourceLimits())


@lru_cache
def _find(
    bwrap: str | None, hidden: tuple[Path, ...], toolchains: tuple[Path, ...], limits: ResourceLimits
) -> Sandbox:
    if sys.platform != "linux":
        return PlainSandbox("bubblewrap needs Linux", toolchains=toolchains, limits=limits)
    if bwrap is None:
        return PlainSandbox("bubblewrap is not installed", toolchains=toolchains, limits=limits)
    sandbox = BubblewrapSandbox(Path(bwrap), toolchains=toolchains, hidden=hidden, limits=limits)
    trouble = _trouble(sandbox)
    return PlainSandbox(trouble, toolchains=toolchains, limits=limits) if trouble else sandbox


def _trouble(sandbox: BubblewrapSandbox) -> str | None:
    with scratch_folder() as workspace:
        trial = Command(("true",), workspace, timeout_seconds=_TRIAL_SECONDS)
        try:
            result = sandbox.run(trial)
        except MissingToolError as error:
            return error.what
    if result.exit_code == 0:
        return None
    return f"bubblewrap does not work here: {result.output.strip() or f'exit code {result.exit_code}'}"
