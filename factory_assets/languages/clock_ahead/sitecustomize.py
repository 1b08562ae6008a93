"""Lets Python sleep where libfaketime sets the clock.

With libfaketime 0.9.10 and a monotonic clock that is left alone, clock_nanosleep(), by which Python 3.11 sleeps
(https://docs.python.org/3/library/time.html#time.sleep), fails with EINVAL; select() does not.
"""

from __future__ import annotations

import select
import time
from typing import SupportsIndex


def sleep(seconds: float | SupportsIndex, /) -> None:
    """See time.sleep."""
    select.select((), (), (), float(seconds))


time.sleep = sleep
