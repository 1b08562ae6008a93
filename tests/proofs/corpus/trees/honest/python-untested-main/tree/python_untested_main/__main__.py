"""Prints the slug of each title that is given."""

import sys

from python_untested_main.slug import slug


def main(argv: list[str]) -> int:
    """Print them, numbered where there is more than one."""
    if not argv or argv[0] == "--help":
        print("usage: python3 -m python_untested_main TITLE...")
        return 0
    for number, title in enumerate(argv):
        prefix = f"{number + 1}. " if len(argv) > 1 else ""
        print(prefix + slug(title))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
