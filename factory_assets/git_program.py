"""The git program as the factory runs it on repositories of its own: with its own rules alone, and no network."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from factory_assets.domain.errors import InfrastructureError, MissingToolError

GIT_SECONDS = 120

_SAFE_CONFIG = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.autocrlf": "false",
    "core.quotePath": "false",
    "core.untrackedCache": "false",
    "submodule.recurse": "false",
    "protocol.allow": "never",
    "protocol.file.allow": "always",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
}

# What keeps the configuration of this machine, and what a repository would fetch in silence, out of any git.
CLEAN_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
}


def config_environment(config: Mapping[str, str]) -> dict[str, str]:
    """What gives git a configuration by its environment, so that no secret in it stands in an argv or a file."""
    environment = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def find_git() -> str:
    """The git program.

    Raises:
        MissingToolError: when it is not installed.
    """
    program = shutil.which("git")
    if program is None:
        raise MissingToolError("git is not installed.", where="PATH", fix="Install git (apt install git).")
    return program


def run_git(
    program: str,
    args: Sequence[str],
    env: Mapping[str, str],
    *,
    stdin: bytes = b"",
    cwd: Path | None = None,
) -> bytes:
    """Run git so that no configuration but its own rules, and nothing of it is fetched in silence.

    `env` names the repository by GIT_DIR. A repository's own config file is read all the same, so what it could
    start is turned off by name.

    Raises:
        InfrastructureError: with what git said.
    """
    config = [part for key, value in _SAFE_CONFIG.items() for part in ("-c", f"{key}={value}")]
    clean = {"PATH": os.environ.get("PATH", os.defpath), **CLEAN_ENVIRONMENT}
    where = env.get("GIT_DIR", args[-1])
    try:
        done = subprocess.run(
            [program, *config, *args],
            env=clean | dict(env),
            input=stdin,
            cwd=cwd,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InfrastructureError(f"git {args[0]} took longer than {GIT_SECONDS} s.", where=where) from None
    if done.returncode != 0:
        raise InfrastructureError(
            f"git {args[0]} failed: {done.stderr.decode(errors='replace').strip()}",
            where=where,
            fix="Check that the repository is whole (git fsck), that the disk has room and that the factory may"
            " write there.",
        )
    return done.stdout
