"""A real PostgreSQL on a UNIX socket, in a folder that goes with the test."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

NEEDED = ("initdb", "pg_ctl")
_PLACES = os.pathsep.join(map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))


def missing_programs() -> list[str]:
    return [name for name in NEEDED if _program(name) is None]


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """The URL of an empty database named `ideas`, with a password that the server asks for.

    What is written outlives the machine only where it is `durable`, which costs time that tests need not take.
    """
    # The path of a UNIX socket is short, and pytest's folders are not.
    with TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        user = _owner()
        if user is not None:
            shutil.chown(folder, user.pw_name)
        folder.chmod(0o755)
        _run(user, "initdb", "-D", f"{folder}/data", "-U", "ideas", "--auth=trust", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        if not durable:
            options += " -c fsync=off"
        _run(user, "pg_ctl", "-D", f"{folder}/data", "-w", "-o", options, "-l", f"{folder}/log", "start")
        try:
            yield f"postgresql://ideas:pass-word-of-ideas@/postgres?host={folder}"
        finally:
            _run(user, "pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")


def _owner() -> pwd.struct_passwd | None:
    """The user to run as: PostgreSQL refuses to be root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join(filter(None, [_PLACES, os.environ.get("PATH", "")])))


def _run(user: pwd.struct_passwd | None, name: str, *args: str) -> None:
    identity = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    program = _program(name)
    assert program is not None
    # Not captured by a pipe: the server would hold it open for as long as it runs.
    subprocess.run(
        [program, *args],
        cwd="/",
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **identity,
    )
