"""The package indexes that this machine's own pip and npm use, asked of these programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from factory_assets.domain.errors import InfrastructureError, InputError, MissingToolError
from factory_assets.domain.indexes import CRATES_URL, GO_URL

_SECONDS = 60.0
_INDEX_OPTION = re.compile(r"--index-url <url>.*?\(default (\S+?)\)", re.DOTALL)
_BESIDE = re.compile(r"\b(extra-index-url|find-links|no-index)=")


@dataclass(frozen=True)
class OwnIndexes:
    """What the settings name, and else what pip and npm are configured with, or have built in.

    Asked when first needed: a machine may lack either program, and a build needs one of them. `files_of` asks an index
    where it keeps its files; None where no index may be asked.
    """

    named_pypi: str | None
    named_npm: str | None
    files_of: Callable[[str], tuple[str, ...]] | None = None
    crates_url: str = CRATES_URL
    go_url: str = GO_URL

    @property
    def pypi_url(self) -> str:
        """The Python index.

        Raises:
            InputError: pip's cannot be used.
            MissingToolError: there is no pip to ask.
        """
        return self.named_pypi or pip_index()

    @property
    def npm_url(self) -> str:
        """The npm registry; errors as for `pypi_url`."""
        return self.named_npm or npm_registry()

    @cached_property
    def pypi_files(self) -> tuple[str, ...]:
        """Where the Python index keeps its files; none where it does not answer, which resolving tells of."""
        if self.files_of is not None:
            with suppress(InfrastructureError):
                return self.files_of(self.pypi_url)
        return ()


@lru_cache(maxsize=1)
def pip_index() -> str:
    """The index that pip installs from here: of PIP_INDEX_URL, its configuration, or built in.

    pip tells it nowhere but in its help, where the default of an option is what is configured
    (https://pip.pypa.io/en/stable/topics/configuration/).

    Raises:
        InputError: it is a folder, or carries a login.
        MissingToolError: there is no pip.
    """
    said = _ask([*_pip(), "install", "--help"], "pip")
    found = _INDEX_OPTION.search(said)
    if found is None:
        raise InputError(
            "pip does not say which index it uses.",
            where="pip install --help",
            fix="Set FACTORY_PYPI_URL to the index (simple API) to use.",
        )
    return _usable(found[1], "pip's index-url", "FACTORY_PYPI_URL")


def pip_sources_beside() -> list[str]:
    """Options of pip's configuration that name packages elsewhere, which builds do not use; empty without pip."""
    try:
        said = _ask([*_pip(), "config", "list"], "pip")
    except (MissingToolError, InputError):
        return []
    return sorted(set(_BESIDE.findall(said)))


@lru_cache(maxsize=1)
def npm_registry() -> str:
    """The registry that npm installs from here, of its configuration or built in; errors as for `pip_index`."""
    npm = shutil.which("npm")
    if npm is None:
        raise MissingToolError("npm is not installed.", fix="Install Node with npm; see `factory doctor`.")
    return _usable(
        _ask([npm, "config", "get", "registry"], "npm").strip(), "npm's registry", "FACTORY_NPM_URL"
    )


def _usable(url: str, where: str, setting: str) -> str:
    try:
        parts = urlsplit(url)
        named = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        named, parts = False, urlsplit("")
    fix = f"Set {setting} to an index that answers without a login, or give {where} such an address."
    if parts.username is not None:
        raise InputError(
            f"The index at {parts.hostname} is asked with a login, which a sandbox would see.",
            where=where,
            fix=fix,
        )
    if not named:
        raise InputError(f"{url!r} is no web address, and a build reaches no other.", where=where, fix=fix)
    return url.rstrip("/")


def _pip() -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def _ask(argv: Sequence[str], tool: str) -> str:
    # In a home, no project's own configuration counts; in a wide terminal, no address is broken.
    quiet = {"npm_config_update_notifier": "false", "npm_config_logs_max": "0"}
    env = {**os.environ, "COLUMNS": "2000", **quiet}
    try:
        done = subprocess.run(
            argv, cwd=Path.home(), env=env, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingToolError(
            f"{tool} does not answer: {error}.", fix=f"Check {tool} on this machine."
        ) from error
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        if "No module named pip" in done.stderr:
            raise MissingToolError("pip is not installed.", fix="Install it into the factory's environment.")
        raise InputError(
            f"{tool} cannot tell its index: {words[0] if words else 'it says nothing'}",
            where=f"{tool}'s configuration",
            fix=f"Correct it, or set {'FACTORY_PYPI_URL' if tool == 'pip' else 'FACTORY_NPM_URL'}.",
        )
    return done.stdout
