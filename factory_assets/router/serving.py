"""Running a router: as a program of its own, or in a thread of a command that finds none."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from factory_assets.router.app import Router

_LOOPBACK = "127.0.0.1"
_START_SECONDS = 30.0


@contextmanager
def in_thread(router: Router) -> Iterator[str]:
    """Serve on a free port of loopback for as long as the context lasts; gives the address."""
    with _listening(_LOOPBACK, 0) as listening:
        server = _server(router)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="factory-router", daemon=True
        )
        thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.005)
        try:
            yield f"http://{_LOOPBACK}:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join()


def serve(router: Router, host: str, port: int) -> None:
    """Serve in the foreground until SIGTERM or SIGINT.

    Raises:
        OSError: the port cannot be had.
    """
    with _listening(host, port) as listening:
        _server(router).run(sockets=[listening])


def _server(router: Router) -> uvicorn.Server:
    # An answer that breaks off is no fault of this program; what is one, it logs itself.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    # A backend's answer has a date of its own.
    config = uvicorn.Config(
        router.app(),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        server_header=False,
        # Nobody stands before it.
        proxy_headers=False,
        date_header=False,
    )
    return uvicorn.Server(config)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)
    except OSError:
        listening.close()
        raise
    return listening
