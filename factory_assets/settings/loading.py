"""Reading the settings: from the environment and the `.env` of an instance, and for the programs that it starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from factory_assets.domain.errors import InputError
from factory_assets.env_file import ENCODING, names_in, read_env_file
from factory_assets.settings.instance import Mode
from factory_assets.settings.kinds import PROJECT_ROOT
from factory_assets.settings.model import Settings
from factory_assets.settings.names import refuse_unknown, warn_of_unknown

# Set for the programs of an instance: its home, whose `.env` is in their environment already.
_PINNED = "SOFTWARE_FACTORY_PINNED"


def instance_home(mode: Mode) -> Path:
    """DAGSTER_HOME of a mode's default instance: the clone itself, or .factory/replay in it."""
    return PROJECT_ROOT if mode is Mode.LIVE else PROJECT_ROOT / ".factory" / "replay"


def chosen_home() -> Path:
    """DAGSTER_HOME as an absolute path, or else the home of the default instance of FACTORY_MODE.

    Raises:
        InputError: the mode is none, or this user has no home folder, which git and Claude Code need.
    """
    # An empty value counts as not set, as for every setting.
    mode = os.environ.get("FACTORY_MODE") or Mode.LIVE
    if mode not in set(Mode):
        raise InputError(f"{mode!r} is no mode.", where="FACTORY_MODE", fix="Set it to live or replay.")
    if not _has_home():
        raise InputError(
            f"The user with id {os.getuid()} has no home folder: HOME is not set, or is no absolute path.",
            where="the environment",
            fix="Set HOME to a folder that this user can write.",
        )
    named = os.environ.get("DAGSTER_HOME")
    return Path(named).expanduser().absolute() if named else instance_home(Mode(mode))


def load_settings() -> Settings:
    """Read the settings of the instance that DAGSTER_HOME (or else FACTORY_MODE) names.

    Each instance has its `.env` in its DAGSTER_HOME; the environment wins over it. What the file sets beside
    settings, such as a proxy, counts in this process and in what it starts, as Dagster has it.

    Raises:
        InputError: naming the file, the setting and what it may be.
    """
    home = chosen_home()
    if is_pinned(home):
        return _load(None)
    env_file = home / ".env"
    written = _read_strictly(env_file)
    warn_of_unknown([name for name in os.environ if name.startswith("FACTORY_")], Settings.model_fields)
    settings = _load(env_file)
    given = {name.upper() for name in os.environ}
    for name, value in written.items():
        if name.lower() not in Settings.model_fields and name.upper() not in given:
            os.environ[name] = value
    return settings


def is_pinned(home: Path) -> bool:
    """Whether this is a program that a command of the factory has started, with the settings of that moment."""
    return os.environ.get(_PINNED) == str(home)


def check_env_file(env_file: Path) -> None:
    """Refuse what the `.env` of an instance says, where it says it to whoever starts next.

    Raises:
        InputError: naming the file, the setting and what it may be.
    """
    written = {name.lower(): value for name, value in _read_strictly(env_file).items()}
    _load(env_file, {name: value for name, value in written.items() if name in Settings.model_fields})


def _read_strictly(env_file: Path) -> dict[str, str]:
    written = read_env_file(env_file)
    refuse_unknown(names_in(env_file), Settings.model_fields, where=str(env_file))
    return written


def pinned_environment() -> dict[str, str]:
    """The environment for the programs of this instance: the settings as they are now, `.env` included.

    What is started with it no longer reads `.env`, so that all programs of a factory, and the runs that they start
    later, work with the same settings.
    """
    home = chosen_home()
    given = {name.upper() for name, value in os.environ.items() if value}
    written = {} if is_pinned(home) else read_env_file(home / ".env")
    added = {
        name.upper(): value
        for name, value in written.items()
        if name.lower() in Settings.model_fields and name.upper() not in given
    }
    return {**os.environ, **added, "DAGSTER_HOME": str(home), _PINNED: str(home)}


def _load(env_file: Path | None, given: Mapping[str, str] | None = None) -> Settings:
    try:
        return Settings(_env_file=env_file, _env_file_encoding=ENCODING, **dict[str, Any](given or {}))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        from_environment = env_file is None or (os.environ.get(name) and name.lower() not in (given or {}))
        raise InputError(
            f"{name} is not valid: {first['msg'].removeprefix('Value error, ')}.",
            where="the environment" if from_environment else str(env_file),
            fix="See docs/settings.md and .env.example.",
        ) from None


def _has_home() -> bool:
    try:
        return Path.home().is_absolute()
    except RuntimeError:
        return False
