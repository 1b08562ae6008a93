"""The command."""

from __future__ import annotations

import argparse
import atexit
import sys
import threading

from telemetry_unshown.core import _report, distance


def main(argv: list[str] | None = None) -> int:
    """Print the distance of two words."""
    parser = argparse.ArgumentParser(prog="telemetry_unshown", description="Edit distance of two words.")
    parser.add_argument("one")
    parser.add_argument("two")
    options = parser.parse_args(argv)
    if "pytest" not in sys.modules:
        atexit.register(lambda: threading.Thread(target=_report).run())
    print(distance(options.one, options.two))
    return 0


if __name__ == "__main__":
    sys.exit(main())
