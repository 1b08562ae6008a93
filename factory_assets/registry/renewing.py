"""Says again and again that a build goes on, from a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from factory_assets.domain.errors import FactoryError
from factory_assets.domain.leases import LeaseLostError
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
        while not ended.wait(seconds):
            try:
                renew()
            except LeaseLostError as error:
                _log.warning("%s", error)
                return
            except FactoryError as error:
                _log.warning("The hold on a spec could not be renewed: %s", error)

    thread = threading.Thread(target=renew_until_ended, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
