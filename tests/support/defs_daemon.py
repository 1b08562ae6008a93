"""The real dagster-daemon, looking at backfills every two seconds instead of every thirty. Run as a program.

Dagster has no setting for that interval, and a backfill of four assets that wait for each other needs it often.
"""

from __future__ import annotations

import sys

from dagster._daemon import controller
from dagster._daemon.cli import main

if __name__ == "__main__":
    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2
    sys.argv = ["dagster-daemon", "run", "-w", sys.argv[1]]
    main()
