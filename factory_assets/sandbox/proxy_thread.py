"""The proxy of a sandbox as a thread of the worker, so that it dies with it."""

from __future__ import annotations

import asyncio
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory_assets.sandbox.egress import EgressLog, EgressProxy, EgressRules
from factory_assets.sandbox.http_heads import HEAD_BYTES
from factory_assets.sandbox.proxy import EgressServer
from factory_assets.sandbox.socket_folder import socket_folder

# In a network of its own the program finds the proxy here: no port that a server of its own would take.
INSIDE_PORT = 39117


@contextmanager
def open_egress(rules: EgressRules) -> Iterator[EgressProxy]:
    """An egress proxy for a program in a network of its own: the proxy listens on a socket in a folder of this user."""
    log = EgressLog()
    with socket_folder() as folder:
        path = folder / "proxy"
        with _running(EgressServer(rules, log), path):
            yield EgressProxy(INSIDE_PORT, log, rules.direct, path)


@contextmanager
def open_local_egress(rules: EgressRules) -> Iterator[EgressProxy]:
    """An egress proxy for a program in the host's network: the proxy listens on the host's loopback."""
    log = EgressLog()
    with _running(EgressServer(rules, log), None) as port:
        yield EgressProxy(port, log, rules.direct)


@contextmanager
def _running(proxy: EgressServer, path: Path | None) -> Iterator[int]:
    """Run the proxy on a socket at `path`, or else on a free port of loopback, which is given."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(_listen(proxy, path))
    port = 0 if path else server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, name="factory-proxy", daemon=True)
    thread.start()
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _listen(proxy: EgressServer, path: Path | None) -> asyncio.Server:
    under_way: set[asyncio.Task[None]] = set()

    def accept(reader: StreamReader, writer: StreamWriter) -> None:
        # Given a coroutine function, asyncio would log each connection that the end of the proxy cancels.
        task = asyncio.create_task(proxy.serve(reader, writer))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    if path is None:
        return await asyncio.start_server(accept, "127.0.0.1", 0, limit=HEAD_BYTES)
    return await asyncio.start_unix_server(accept, path, limit=HEAD_BYTES, backlog=256)


async def _end(server: asyncio.Server) -> None:
    """Hang up every connection; what is under way ends with it."""
    server.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # Closed connections are told so in the loop's next round.
    await asyncio.sleep(0)
    await asyncio.get_running_loop().shutdown_default_executor()
