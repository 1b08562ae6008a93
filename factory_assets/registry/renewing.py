"""Says again and again that a build goes on, from a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from factory_assets.domain.errors import FactoryError
from factory_assets.domain.leases import LeaseLostError, RunGivenUpError
from factory_assets.registry.leases import RENEW_SECONDS

_log = logging.getLogger(__name__)


@contextmanager
def renewing(renew: Callable[[], None], *, seconds: float = RENEW_SECONDS) -> Iterator[None]:
    """Call `renew` every so many seconds while the block runs.

    A registry that cannot be reached is tried again. Once the lease is lost there is nothing to renew: whoever holds
    it hears of that with the next thing that it writes.
    """
    ended = threading.Event()

    def renew_until_ended() -> None:
        pause = seconds
        while not ended.wait(pause):
            began = time.monotonic()
            try:
                renew()
                # A transaction's time is that of its beginning: after a long wait for others it would be an old one.
                pause = seconds if time.monotonic() - began < seconds / 3 else 0
            except (LeaseLostError, RunGivenUpError) as error:
                _log.warning("%s", error)
                return
            except FactoryError as error:
                pause = seconds
                _log.warning("A sign of life could not be given: %s", error)

    thread = threading.Thread(target=renew_until_ended, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
