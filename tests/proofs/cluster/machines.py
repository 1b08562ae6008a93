"""Machines as far as one kernel makes them: each has an address, a host name, processes and a clock of its own.

They meet on a bridge, whose own address is that of whoever asks from outside of them: the test, and the servers. What a
machine sends that is cut off is answered by nobody, where a process that is killed would refuse connections. A machine
that is killed is gone with all that ran on it in one moment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import psutil

_NEEDED = ("ip", "bridge", "unshare", "nsenter", "hostname", "cc")
_APART = ("unshare", "--net", "--uts", "--pid", "--fork", "--mount-proc")
_BRIDGE = "02:00:00:00:00:01"
_CLOCK = Path(__file__).with_name("clock.c")
# Reaps what is left by those that have ended, as the first process of a machine has to.
_INIT = 'hostname "$0" && ip link set lo up && while :; do sleep 1; done'


@cache
def missing() -> str:
    """What this machine lacks to make others; empty where it lacks nothing."""
    if absent := [name for name in _NEEDED if not shutil.which(name)]:
        return f"not here: {', '.join(absent)}"
    tried = subprocess.run(
        [*_APART, "ip", "link", "add", "type", "bridge"], capture_output=True, text=True, check=False
    )
    return f"no right to make network namespaces: {tried.stderr.strip()}" if tried.returncode else ""


class Machine:
    """One machine of a network, which runs from `boot` to `kill`.

    Args:
        name: its host name.
        bridge: the network that it is on.
        number: of its address.
        clock: the seconds that its clock is ahead of the others'.
    """

    def __init__(self, name: str, bridge: Network, number: int, *, clock: float = 0.0) -> None:
        self.name, self.address = name, bridge.address_of(number)
        self._bridge, self._clock = bridge, clock
        self._cable = f"{bridge.name}.{number}"
        # The same after each boot, as that of a real card: the others remember it.
        self._card = f"02:00:00:00:01:{number:02x}"
        self._power: subprocess.Popen[bytes] | None = None

    def boot(self, log: Path) -> None:
        """Let it run, with nothing on it."""
        with log.open("ab") as output:
            self._power = subprocess.Popen(
                # Process numbers of its own, so that all goes with its first process.
                [*_APART, "--kill-child", "sh", "-c", _INIT, self.name],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        first = self._first()
        peer = ("peer", "name", "eth0", "address", self._card, "netns", str(first))
        _run("ip", "link", "add", self._cable, "type", "veth", *peer)
        _run("ip", "link", "set", self._cable, "master", self._bridge.name, "up")
        self._inside("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self._inside("ip", "link", "set", "eth0", "up")
        # Else it would find out that its neighbour is gone.
        self._inside(
            *("ip", "neighbour", "replace", self._bridge.address, "lladdr", _BRIDGE, "dev", "eth0"),
            *("nud", "permanent"),
        )

    def kill(self) -> None:
        """Power off: nothing on it says good-bye."""
        if self._power is None:
            return
        # Its first process, with which all the others go.
        for child in psutil.Process(self._power.pid).children():
            child.kill()
        self._power.wait()
        self._power = None
        # The kernel takes it away with its other end, some time later.
        subprocess.run(["ip", "link", "delete", self._cable], stderr=subprocess.DEVNULL, check=False)

    def cut_off(self) -> None:
        """Let nothing of what it sends or is sent come through. It is not told: no connection is refused or ended."""
        _run("bridge", "link", "set", "dev", self._cable, "state", "0")

    def connect(self) -> None:
        """Let it take part again."""
        _run("bridge", "link", "set", "dev", self._cable, "state", "3")

    @property
    def is_on(self) -> bool:
        """Whether it runs."""
        return self._power is not None

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a program on it, whose output goes to `log`."""
        with log.open("ab") as output:
            return subprocess.Popen(
                self._entered(command),
                env={**environment, **self._own_time()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def processes(self) -> list[psutil.Process]:
        """What runs on it beside its first process."""
        if self._power is None:
            return []
        first = self._first()
        own = _space_of(first)
        pauses = {
            first,
            *(child.pid for child in psutil.Process(first).children() if child.name() == "sleep"),
        }
        return [
            process
            for process in psutil.process_iter()
            if process.pid not in pauses and _space_of(process.pid) == own
        ]

    def _own_time(self) -> dict[str, str]:
        if not self._clock:
            return {}
        return {"LD_PRELOAD": str(self._bridge.clock), "CLOCK_AHEAD": f"{self._clock:.0f}"}

    def _first(self) -> int:
        assert self._power is not None, f"{self.name} is off"
        while not (children := psutil.Process(self._power.pid).children()):
            assert self._power.poll() is None, f"{self.name} did not boot"
        return children[0].pid

    def _entered(self, command: Sequence[str]) -> list[str]:
        return ["nsenter", f"--target={self._first()}", "--net", "--uts", "--pid", "--mount", "--", *command]

    def _inside(self, *command: str) -> None:
        subprocess.run(self._entered(command), check=True)


class Outside:
    """What stands outside of the network and serves it: no machine of its own, but what it runs is killed like one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._programs: list[psutil.Process] = []

    def boot(self, log: Path) -> None:
        """It is there."""

    def kill(self) -> None:
        """End all that it runs."""
        for program in self.processes():
            with suppress(psutil.NoSuchProcess):
                program.kill()
        self._programs.clear()

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        """See Machine."""
        with log.open("ab") as output:
            started = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._programs.append(psutil.Process(started.pid))
        return started

    def processes(self) -> list[psutil.Process]:
        """See Machine."""
        found = []
        for program in self._programs:
            with suppress(psutil.NoSuchProcess):
                found += [program, *program.children(recursive=True)]
        return found


class Network:
    """A bridge with an address for those outside of its machines; all of it is gone with `remove`.

    `clock` is what a program is given whose clock is another one: see clock.c.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.clock = name, folder / "clock.so"
        _run("cc", "-shared", "-fPIC", "-O2", "-o", str(self.clock), str(_CLOCK), "-ldl")
        # Of the range that RFC 2544 sets aside for trying networks.
        self._prefix = f"198.18.{os.getpid() % 250}"
        self.address = self.address_of(1)
        _run("ip", "link", "add", name, "address", _BRIDGE, "type", "bridge")
        _run("ip", "address", "add", f"{self.address}/24", "dev", name)
        _run("ip", "link", "set", name, "up")

    def address_of(self, number: int) -> str:
        """The address of that number."""
        return f"{self._prefix}.{number}"

    def remove(self) -> None:
        """Take it away."""
        _run("ip", "link", "delete", self.name)


@contextmanager
def network(folder: Path) -> Iterator[Network]:
    """A network for as long as the block lasts; its files are in the folder."""
    made = Network(f"fc{os.getpid()}", folder)
    try:
        yield made
    finally:
        made.remove()


def _space_of(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink()
    except OSError:
        return None


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
