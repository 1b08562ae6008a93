"""With which settings the daemon of an instance runs, and which have changed since it was started."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, SecretStr, ValidationError
from rich.console import Console

from factory_assets.cli.instance import OpenedInstance
from factory_assets.cli.ownership import is_owned, lock_file
from factory_assets.daemon_notes import living_daemons
from factory_assets.settings import Settings

_FILE = "running.json"


class Running(BaseModel):
    """What a factory was started with. No secret can be read out of it.

    Args:
        pid: of the process that runs the daemon.
        since: when it was started (UTC).
        salt: of the digests.
        digests: of every setting's value.
        shown: the settings that are not at their default, a secret as "set".
    """

    pid: int
    since: datetime
    salt: str
    digests: dict[str, str]
    shown: dict[str, str]

    def differing(self, settings: Settings) -> list[str]:
        """The settings that are others by now."""
        now = _digests(settings, self.salt)
        return [name for name, digest in now.items() if self.digests.get(name) != digest]


def note_running(instance: OpenedInstance) -> None:
    """Write down the settings of the daemon that this process runs from now on."""
    settings, salt = instance.settings, secrets.token_hex(16)
    running = Running(
        pid=os.getpid(),
        since=datetime.now(UTC),
        salt=salt,
        digests=_digests(settings, salt),
        shown=_shown(settings),
    )
    path = settings.factory_data_dir / _FILE
    scratch = path.with_name(f"{_FILE}-new")
    scratch.unlink(missing_ok=True)
    scratch.touch(mode=0o600)
    scratch.write_text(running.model_dump_json(), encoding="utf-8")
    scratch.replace(path)


def running_now(data_dir: Path) -> Running | None:
    """What the daemon of this instance was started with; None where none runs, or it never said so."""
    if not is_owned(data_dir):
        return None
    try:
        running = Running.model_validate_json((data_dir / _FILE).read_text(encoding="utf-8"))
        owner = lock_file(data_dir).read_text().split()[:1]
    except (OSError, ValidationError):
        return None
    return running if owner == [str(running.pid)] else None


def workers_in_force(settings: Settings) -> int:
    """How many builds may run at once: what the running daemon was started with, else what is set now."""
    running = running_now(settings.factory_data_dir)
    if running is None:
        return settings.build_workers
    return int(running.shown.get("BUILD_WORKERS", Settings.model_fields["build_workers"].default))


def _digests(settings: Settings, salt: str) -> dict[str, str]:
    return {
        name.upper(): hmac.new(salt.encode(), _text(value).encode(), hashlib.sha256).hexdigest()
        for name, value in settings
    }


def _text(value: object) -> str:
    return json.dumps(value.get_secret_value() if isinstance(value, SecretStr) else str(value))


def _shown(settings: Settings) -> dict[str, str]:
    hidden, defaults = settings.secrets(), Settings.model_construct()
    return {
        name.upper(): "set" if name.upper() in hidden else str(value)
        for name, value in settings
        if value != getattr(defaults, name)
    }


def show_running(running: Running, settings: Settings, console: Console) -> None:
    """Since when the factory runs, with which settings, and which of them are others by now."""
    shown = ", ".join(f"{name}={value}" for name, value in running.shown.items()) or "the defaults"
    console.print(
        f"It runs since {running.since:%Y-%m-%d %H:%M} UTC (process {running.pid}) with {shown}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    show_changed(running, settings, console)


def show_daemon(settings: Settings, console: Console) -> None:
    """Whose daemon a command uses, as far as it is not what the operator expects."""
    data_dir = settings.factory_data_dir
    if (running := running_now(data_dir)) is not None:
        show_changed(running, settings, console)
    elif not is_owned(data_dir):
        show_others(data_dir, console)


def show_others(data_dir: Path, console: Console) -> None:
    """The daemons that the factory has not started."""
    for daemon in living_daemons(data_dir):
        console.print(
            f"Its daemon is {daemon}, with the settings of then.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def show_changed(running: Running, settings: Settings, console: Console) -> None:
    """The settings of a running factory that are others in `.env` or in this command's environment."""
    if changed := running.differing(settings):
        console.print(
            f"It does not know what .env or this command's environment says now for {', '.join(changed)}:"
            " `make down`, `make up` (or `factory down`, `factory up`) makes it take that on.",
            style="yellow",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
