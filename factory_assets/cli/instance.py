"""One instance on disk: its home, its `.env`, and the mode that it was made for."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from factory_assets.cli.configuration import configuration_of
from factory_assets.domain.errors import InputError
from factory_assets.env_file import ENCODING, with_assignments
from factory_assets.files import write_whole
from factory_assets.instance import Instance
from factory_assets.locks import folder_lock
from factory_assets.network.proxies import loopback_excepted
from factory_assets.settings import PROJECT_ROOT, Mode, Settings, chosen_home, load_settings

_MODE_FILE, _PROGRAMS = "mode", "programs"
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class OpenedInstance:
    """A prepared instance: DAGSTER_HOME and the settings that hold in it."""

    home: Path
    settings: Settings

    @cached_property
    def parts(self) -> Instance:
        """What it is made of."""
        return Instance(self.settings)

    @property
    def programs_dir(self) -> Path:
        """Where Dagster's programs are started: without an `.env`, which each would load over its environment."""
        return self.settings.factory_data_dir / _PROGRAMS

    @property
    def workspace(self) -> Path:
        """The workspace.yaml of this instance."""
        return self.home / "workspace.yaml"


def open_instance(mode: Mode | None = None) -> OpenedInstance:
    """Prepare the instance that the environment names, and make this process and its children work on it.

    Args:
        mode: overrules FACTORY_MODE.

    Raises:
        InputError: a setting is not valid, the data directory belongs to an instance of the other mode, or a file
            or folder of the instance cannot be read or written.
    """
    if mode is not None:
        os.environ["FACTORY_MODE"] = mode
        os.environ.pop("DAGSTER_HOME", None)
    home = chosen_home()
    os.environ["DAGSTER_HOME"] = str(home)
    if os.environ.get("FACTORY_MODE") == Mode.REPLAY and not (home / ".env").exists():
        raise InputError(
            "There is no replay instance yet.", where=str(home), fix="Run `make demo`, which makes one."
        )
    try:
        settings = load_settings()
        home.mkdir(parents=True, exist_ok=True)
        with folder_lock(home):
            _add_to_env(home, {"DAGSTER_HOME": str(home), "FACTORY_DATA_DIR": str(settings.factory_data_dir)})
            _write_configuration(home, settings)
            _claim(settings)
            programs = settings.factory_data_dir / _PROGRAMS
            programs.mkdir(exist_ok=True)
            (programs / ".env").unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"The instance cannot be opened: {error.strerror}.",
            where=str(error.filename or home),
            fix="Let this user read and write it, make room on its disk, or name another FACTORY_DATA_DIR.",
        ) from error
    os.environ.update(
        {
            "FACTORY_MODE": settings.factory_mode,
            "FACTORY_DATA_DIR": str(settings.factory_data_dir),
            **loopback_excepted(os.environ),
        }
    )
    # The code servers that Dagster's client starts are programs too.
    os.chdir(programs)
    # What a command has started is stopped on its way out, so these must not end it on the spot.
    for number in _ENDINGS:
        signal.signal(number, _leave)
    # A shell that starts this in the background has SIGINT ignored, and children would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return OpenedInstance(home=home, settings=settings)


def _leave(number: int, _frame: object) -> None:
    # A terminal that closes sends SIGHUP twice, and the second one must not break off the way out.
    for ending in _ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise SystemExit(128 + number)


def write_env(home: Path, values: Mapping[str, str]) -> None:
    """Add to the instance's `.env` what it does not name yet; what stands there is left as it is."""
    home.mkdir(parents=True, exist_ok=True)
    with folder_lock(home):
        _add_to_env(home, values)


def _add_to_env(home: Path, values: Mapping[str, str]) -> None:
    path = home / ".env"
    text = with_assignments(path, values)
    if not path.exists() or text != path.read_text(encoding=ENCODING):
        write_whole(path, text, mode=0o600)


def _write_configuration(home: Path, settings: Settings) -> None:
    texts = {
        "dagster.yaml": configuration_of(home, settings),
        "workspace.yaml": (PROJECT_ROOT / "workspace.yaml").read_text(),
    }
    if home == PROJECT_ROOT:
        return
    for name, text in texts.items():
        copy = home / name
        # A cluster lays one of its own there, which nobody may write.
        if not copy.exists() or (os.access(copy, os.W_OK) and copy.read_text() != text):
            write_whole(copy, text, mode=0o644)


def _claim(settings: Settings) -> None:
    settings.factory_data_dir.mkdir(parents=True, exist_ok=True)
    path = settings.factory_data_dir / _MODE_FILE
    if not path.exists():
        write_whole(path, f"{settings.factory_mode}\n", mode=0o644)
    made_for = path.read_text().strip()
    if made_for != settings.factory_mode:
        raise InputError(
            f"This data directory belongs to a {made_for} instance, and FACTORY_MODE is {settings.factory_mode}.",
            where=str(settings.factory_data_dir),
            fix="Name another FACTORY_DATA_DIR; the two modes share nothing.",
        )
