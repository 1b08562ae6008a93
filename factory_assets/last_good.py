"""The last settings of an instance with which its code has loaded: they hold while what `.env` says cannot.

They lie beside `.env`, as private as it is. A secret that only the environment holds is not written down: it is in the
environment still.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from pydantic import SecretStr, ValidationError

from factory_assets.domain.errors import InputError
from factory_assets.env_file import read_env_file
from factory_assets.files import write_whole
from factory_assets.settings import Settings, chosen_home

_FILE = ".env-last-good"
_log = logging.getLogger(__name__)


def home_of_instance() -> Path:
    """DAGSTER_HOME, also where another setting is so wrong that nothing else can be said.

    Raises:
        InputError: see `chosen_home`.
    """
    named = os.environ.get("DAGSTER_HOME")
    return Path(named).expanduser().absolute() if named else chosen_home()


def last_good(home: Path) -> Settings | None:
    """The settings that were remembered; None where there are none, or they hold no more."""
    try:
        return Settings(_env_file=None, **json.loads((home / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, ValidationError):
        return None


def remember(settings: Settings, home: Path) -> None:
    """Write the settings down, unless they stand there already or the instance has yet to be made.

    What cannot be written is only logged: it is wanted on another day, if ever.
    """
    try:
        if not settings.factory_data_dir.is_dir():
            return
        text = json.dumps(_written_down(settings, read_env_file(home / ".env")), indent=1)
        path = home / _FILE
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_whole(path, text, mode=0o600)
    except (OSError, InputError) as error:
        _log.warning("The settings in force could not be remembered: %s", error)


def _written_down(settings: Settings, env_file: dict[str, str]) -> dict[str, object]:
    values: dict[str, object] = settings.model_dump(mode="json")
    of_file = {name.lower(): value for name, value in env_file.items()}
    for name in map(str.lower, settings.secrets()):
        value = getattr(settings, name)
        secret = value.get_secret_value() if isinstance(value, SecretStr) else value
        if of_file.get(name) == secret:
            values[name] = secret
        else:
            del values[name]
    return values
