"""A real PostgreSQL on a UNIX socket, or on an address too, in a folder that goes with the test."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from factory_assets.cli.processes import free_port

NEEDED = ("initdb", "pg_ctl")
_PLACES = os.pathsep.join(map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))
_PASSWORD = "pass-word-of-ideas"


def missing_programs() -> list[str]:
    return [name for name in NEEDED if _program(name) is None]


class PostgresServer:
    """A server that can be ended, and started again on what it held.

    Args:
        folder: where it keeps everything; its path is a short one.
        address: where it listens besides its UNIX socket, for the machines of a network.
        durable: what is written outlives the machine, which costs time that tests need not take.
    """

    def __init__(self, folder: Path, *, address: str | None = None, durable: bool = False) -> None:
        self._folder, self._user = folder, _owner()
        if self._user is not None:
            shutil.chown(folder, self._user.pw_name)
        folder.chmod(0o755)
        _run(self._user, "initdb", "-D", f"{folder}/data", "-U", "ideas", "--auth=trust", "--no-sync")
        options = f"-c listen_addresses='{address or ''}' -c unix_socket_directories={folder}"
        host = f"?host={folder}"
        if address is not None:
            with (folder / "data" / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet trust\n")
            port = free_port()
            options += f" -c port={port}"
        self._options = options if durable else f"{options} -c fsync=off"
        place = f"@/postgres{host}" if address is None else f"@{address}:{port}/postgres"
        self.url = f"postgresql://ideas:{_PASSWORD}{place}"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        data, log = f"{self._folder}/data", f"{self._folder}/log"
        _run(self._user, "pg_ctl", "-D", data, "-w", "-o", self._options, "-l", log, "start")

    def end_at_once(self) -> None:
        """End it without a farewell, as when its machine is gone."""
        _run(self._user, "pg_ctl", "-D", f"{self._folder}/data", "-m", "immediate", "stop")


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """The URL of an empty database named `ideas`, with a password that the server asks for.

    What is written outlives the machine only where it is `durable`, which costs time that tests need not take.
    """
    with postgres_server(durable=durable) as server:
        yield server.url


@contextmanager
def postgres_server(*, address: str | None = None, durable: bool = False) -> Iterator[PostgresServer]:
    """See PostgresServer; it runs, and is ended with the block."""
    # The path of a UNIX socket is short, and pytest's folders are not.
    with TemporaryDirectory(prefix="pg-") as name:
        server = PostgresServer(Path(name), address=address, durable=durable)
        server.start()
        try:
            yield server
        finally:
            server.end_at_once()


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
