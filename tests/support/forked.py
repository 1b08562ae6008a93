"""Runs scripts in processes of their own that are forked from one which has imported already what takes seconds."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

_SECONDS = 120.0
_FORKING = multiprocessing.get_context("forkserver")
# Packages of others alone: those of the factory are imported by each script, in its own environment.
_FORKING.set_forkserver_preload(["anthropic", "github", "httpx", "requests", "pydantic_settings"])


def run_forked(script: str, *arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """What the script says and how it ends, with these arguments and in this environment and no other."""
    with TemporaryDirectory(prefix="forked-") as name:
        outputs = (Path(name, "stdout"), Path(name, "stderr"))
        process = _FORKING.Process(target=_play, args=(script, arguments, dict(env), *map(str, outputs)))
        process.start()
        process.join(_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(script, _SECONDS)
        stdout, stderr = (output.read_text() for output in outputs)
    return subprocess.CompletedProcess([script, *arguments], process.exitcode, stdout, stderr)


def _play(script: str, arguments: tuple[str, ...], env: dict[str, str], *outputs: str) -> None:
    for descriptor, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["-c", *arguments]
    exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})
