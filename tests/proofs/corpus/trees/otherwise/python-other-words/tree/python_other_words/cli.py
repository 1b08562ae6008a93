"""The command."""

import argparse
import json
import statistics
import sys

from python_other_words import __doc__ as about


def summary(numbers: list[float], trim: int) -> dict[str, float]:
    """What is printed: more than has to be."""
    kept = sorted(numbers)[trim : len(numbers) - trim]
    spread = statistics.stdev(kept) if len(kept) > 1 else 0.0
    return {"sd": spread, "max": max(kept), "min": min(kept), "mean": statistics.mean(kept), "n": len(kept)}


def main() -> int:
    """Print the summary, laid out over several lines."""
    parser = argparse.ArgumentParser(prog="python-other-words", description=about)
    parser.add_argument("--trim", type=int, default=0, metavar="COUNT", help="leave out so many at each end")
    parser.add_argument("--indent", type=int, default=4, help="how far to indent")
    options = parser.parse_args()
    numbers = []
    for at, line in enumerate(sys.stdin, start=1):
        try:
            numbers += [float(line)] if line.strip() else []
        except ValueError:
            parser.error(f"line {at} holds no number, but {line.strip()!r}")
    if len(numbers) <= 2 * options.trim:
        parser.error("nothing is left to summarise")
    print(json.dumps(summary(numbers, options.trim), indent=options.indent), end="\n\n")
    return 0
