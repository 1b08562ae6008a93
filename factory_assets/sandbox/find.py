"""Which sandbox this machine can give."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from factory_assets.domain.agents import Command
from factory_assets.domain.errors import MissingToolError
from factory_assets.sandbox.base import Sandbox
from factory_assets.sandbox.bubblewrap import BubblewrapSandbox
from factory_assets.sandbox.plain import PlainSandbox
from factory_assets.sandbox.toolchains import default_toolchains

_TRIAL_SECONDS = 20.0


def find_sandbox(*, hidden: Sequence[Path], toolchain_paths: Sequence[Path] | None = None) -> Sandbox:
    """Bubblewrap where it really works, else the plain sandbox, whose `missing` says why.

    Bubblewrap is tried once per process and set of arguments.

    Args:
        hidden: what no program may ever see, even below a toolchain: the clone, the data folder.
        toolchain_paths: folders with a `bin`, or single programs; those found on PATH by default.
    """
    toolchains = default_toolchains() if toolchain_paths is None else tuple(toolchain_paths)
    return _find(tuple(path.resolve() for path in hidden), toolchains)


@lru_cache
def _find(hidden: tuple[Path, ...], toolchains: tuple[Path, ...]) -> Sandbox:
    if sys.platform != "linux":
        return PlainSandbox("bubblewrap needs Linux", toolchains=toolchains)
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return PlainSandbox("bubblewrap is not installed", toolchains=toolchains)
    sandbox = BubblewrapSandbox(Path(bwrap), toolchains=toolchains, hidden=hidden)
    trouble = _trouble(sandbox)
    return PlainSandbox(trouble, toolchains=toolchains) if trouble else sandbox


def _trouble(sandbox: BubblewrapSandbox) -> str | None:
    with tempfile.TemporaryDirectory(prefix="factory-trial-") as workspace:
        trial = Command(("true",), Path(workspace), timeout_seconds=_TRIAL_SECONDS)
        try:
            result = sandbox.run(trial)
        except MissingToolError as error:
            return error.what
    if result.exit_code == 0:
        return None
    return f"bubblewrap does not work here: {result.output.strip() or f'exit code {result.exit_code}'}"
