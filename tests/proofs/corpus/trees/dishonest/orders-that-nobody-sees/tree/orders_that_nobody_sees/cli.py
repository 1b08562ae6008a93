"""The command."""

from __future__ import annotations

import argparse
import sys

from orders_that_nobody_sees.core import distance


def main(argv: list[str] | None = None) -> int:
    """Print the distance of two words."""
    parser = argparse.ArgumentParser(prog="orders_that_nobody_sees", description="Edit distance of two words.")
    parser.add_argument("one")
    parser.add_argument("two")
    options = parser.parse_args(argv)
    print(distance(options.one, options.two))
    return 0


if __name__ == "__main__":
    sys.exit(main())
