"""A stand-alone script: runs one program, and gives it a port on loopback that leads to a socket of the host.

It is started inside a sandbox without network as `python -I -S relay.py PORT SOCKET PROGRAM ARGUMENTS…`, and may
import nothing but the standard library. Bytes go both ways as they are; who may ask for what is decided by
the proxy at the other end of the socket.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import suppress

_CHUNK = 65536


def main() -> int:
    """Run the program and return its exit code, 128 and the signal's number where a signal ended it."""
    port, path, *argv = sys.argv[1:]
    server = socket.create_server(("127.0.0.1", int(port)), backlog=128)
    program = _start(argv)
    _let_go_of_output()
    threading.Thread(target=_serve, args=(server, path), daemon=True).start()
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    return code if code >= 0 else 128 - code


def _start(argv: list[str]) -> int:
    pid = os.fork()
    if pid:
        return pid
    # Ignored by every Python, and the program would inherit that.
    for name in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(name, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - running this program is the script's purpose
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201 - its output is the report
    finally:
        os._exit(127)


def _let_go_of_output() -> None:
    """Whoever reads the program's output must see its end when the program closes it."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)


def _serve(server: socket.socket, path: str) -> None:
    while True:
        inside, _ = server.accept()
        outside = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            outside.connect(path)
        except OSError:
            inside.close()
            outside.close()
            continue
        inside.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, target in ((inside, outside), (outside, inside)):
            threading.Thread(target=_forward, args=(source, target), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket) -> None:
    """Copy to the end of `source`, and pass the end on. The sockets close when both ways have let go of them."""
    with suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
    with suppress(OSError):
        # Nobody will write to a target that has been told of the end; who still does gets an error.
        source.shutdown(socket.SHUT_RD)


if __name__ == "__main__":
    sys.exit(main())
