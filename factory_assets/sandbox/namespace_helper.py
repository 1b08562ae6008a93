"""The process that enters the network namespaces of watched commands: started once, because it forks in a tenth of the
time that it takes to start.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.domain.errors import MissingToolError
from factory_assets.sandbox import namespace_sockets

_ANSWER_SECONDS = 60.0
_LONGEST_REASON = 4096


@dataclass
class NamespaceHelper:
    """Starts the script when it is first asked, and again when it is gone. It ends with this process."""

    script: Path = Path(namespace_sockets.__file__)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _asking: socket.socket | None = None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The number of the process; None before it is first asked."""
        return self._process.pid if self._process else None

    def sockets_of(self, pid: int) -> tuple[socket.socket, socket.socket]:
        """The socket at port 53, and the one that sees packets for elsewhere, of a process's network namespace.

        Raises:
            MissingToolError: when this kernel does not let the namespace's owner in.
        """
        # One that was killed answers nothing, and another one is asked.
        answer = self._ask(pid) or self._ask(pid)
        if isinstance(answer, tuple):
            return answer
        why = answer or self._last_words()
        raise MissingToolError(
            f"the network of a contained command cannot be watched: {why}",
            fix="Allow user namespaces to the factory's user.",
        )

    def _ask(self, pid: int) -> tuple[socket.socket, socket.socket] | str:
        """The two sockets, or why there are none; nothing where nobody answers."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            with theirs, self._lock:
                asking = self._started()
                try:
                    socket.send_fds(asking, [str(pid).encode()], [theirs.fileno()])
                except OSError:
                    self._forget(asking)
            ours.settimeout(_ANSWER_SECONDS)
            try:
                said, descriptors, _, _ = socket.recv_fds(ours, _LONGEST_REASON, 2)
            except TimeoutError:
                return "it takes too long"
        if descriptors:
            names, packets = (socket.socket(fileno=descriptor) for descriptor in descriptors)
            return names, packets
        if not said:
            with self._lock:
                self._forget(asking)
        return said.decode(errors="replace")

    def _started(self) -> socket.socket:
        if self._asking is None:
            self._asking, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                # It outlives the command for which it is started: nothing of that one's surroundings is its.
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(self.script), str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    env={},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
        return self._asking

    def _forget(self, asking: socket.socket) -> None:
        """Start another one next time, unless another thread has done so already."""
        asking.close()
        if self._asking is asking:
            self._asking = None

    def _last_words(self) -> str:
        """What the one that is gone said before."""
        with self._lock:
            if self._process is None or self._process.stderr is None:
                return "its helper does not start"
            lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "its helper ended"
