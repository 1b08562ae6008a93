"""Both sandboxes for the tests, and a look for processes that should be gone."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from factory_assets.sandbox import (
    BubblewrapSandbox,
    Confines,
    PlainSandbox,
    Program,
    ResourceLimits,
    Sandbox,
    find_sandbox,
)
from factory_assets.settings import PROJECT_ROOT

CLONE = PROJECT_ROOT


def bubblewrap(
    *,
    hidden: tuple[Path, ...] = (),
    toolchains: tuple[Path, ...] = (),
    limits: ResourceLimits | None = None,
) -> BubblewrapSandbox:
    """The contained sandbox; the test is skipped where bubblewrap is missing or does not work."""
    if shutil.which("bwrap") is None:
        pytest.skip("bwrap (bubblewrap) is not installed")
    sandbox = find_sandbox(hidden=(CLONE, *hidden), toolchain_paths=toolchains, limits=limits)
    if not isinstance(sandbox, BubblewrapSandbox):
        pytest.skip(f"bwrap does not work here: {sandbox.missing[0]}")
    return sandbox


def plain(*, limits: ResourceLimits | None = None) -> PlainSandbox:
    """The sandbox of machines without bubblewrap."""
    return PlainSandbox("bubblewrap is not installed", toolchains=(), limits=limits or ResourceLimits())


def sandbox_named(name: str, *, limits: ResourceLimits | None = None) -> Sandbox:
    """`bubblewrap` or `plain`."""
    return bubblewrap(limits=limits) if name == "bubblewrap" else plain(limits=limits)


def program(*argv: str, workspace: Path, home: Path, **env: str) -> Program:
    """A program without network, under the usual limits."""
    return Program(argv, workspace, Confines(ResourceLimits()), home=home, env=env)


def new_marker() -> str:
    """A number of seconds to sleep that no other process sleeps."""
    return f"9{uuid.uuid4().int % 10**8}.{uuid.uuid4().int % 10**8}"


def processes_with(marker: str) -> list[str]:
    """Command lines of live processes that hold `marker`."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if marker in line:
            found.append(line)
    return found


def wait_until_running(marker: str, *, seconds: float = 20.0) -> None:
    """Wait for a process whose program is `sleep MARKER` itself."""
    _wait(lambda: any(line == f"sleep {marker}" for line in processes_with(marker)), seconds)


def wait_until_gone(marker: str, *, seconds: float = 10.0) -> None:
    """Wait until no process holds `marker`."""
    _wait(lambda: not processes_with(marker), seconds)


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
