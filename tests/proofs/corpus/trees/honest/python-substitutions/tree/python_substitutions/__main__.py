"""Rewrites standard input."""

import sys

from python_substitutions.plain import plain


def main() -> int:
    """Rewrite it."""
    sys.stdout.write(plain(sys.stdin.read()))
    return 0


sys.exit(main())
