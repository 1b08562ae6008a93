"""Prints the words of standard input."""

import sys

from python_sorted_words.words import words


def main() -> int:
    """Print them, one a line."""
    found = words(sys.stdin.read())
    if len(found) > 0:
        print("\n".join(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
