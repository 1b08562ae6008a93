"""The command: `hourbook check` and `hourbook sum`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hourbook.log import BadLine, Entry, parse
from hourbook.report import by_day, by_project

_FORMATS = ("text", "csv", "json")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hourbook", description="Sums the hours of a plain text log.")
    parser.add_argument("--version", action="version", version="hourbook 0.1.0")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="say whether every line can be read")
    check.add_argument("log", help="the log, or - for standard input")
    check.set_defaults(run=_check)
    total = commands.add_parser("sum", help="print the hours")
    total.add_argument("log", help="the log, or - for standard input")
    total.add_argument("--by", choices=("project", "day"), default="project", help="what the rows are")
    total.add_argument("--format", choices=_FORMATS, default="text", help="how they are printed")
    total.add_argument("--project", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    total.set_defaults(run=_sum)
    return parser


def _read(name: str) -> list[Entry]:
    if name == "-":
        return list(parse(sys.stdin))
    with Path(name).open(encoding="utf-8") as lines:
        return list(parse(lines))


def _check(options: argparse.Namespace) -> int:
    entries = _read(options.log)
    print(f"{len(entries)} entries")
    return 0


def _sum(options: argparse.Namespace) -> int:
    entries = _read(options.log)
    if options.project:
        entries = [entry for entry in entries if entry.project in options.project]
    report = by_day(entries) if options.by == "day" else by_project(entries)
    sys.stdout.write(getattr(report, options.format)())
    return 0


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except (BadLine, OSError) as error:
        print(f"hourbook: {error}", file=sys.stderr)
        return 1
