"""The command."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

from shift_ledger.model import Report, Shift, ShiftError, Total, conflicts, totals
from shift_ledger.store import Store


class Table(Report):
    def render(self, totals: list[Total]) -> str:
        width = max((len(one.person) for one in totals), default=0)
        return "\n".join(f"{one.person:<{width}}  {one.hours:6.1f}" for one in totals)


class Json(Report):
    def render(self, totals: list[Total]) -> str:
        return json.dumps([asdict(one) for one in totals], indent=2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shift-ledger", description="A ledger of on-call shifts.")
    parser.add_argument("--file", type=Path, default=Path(os.environ.get("SHIFT_LEDGER", "shifts.db")), help="the ledger")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="add a shift")
    add.add_argument("person")
    add.add_argument("begin", type=datetime.fromisoformat)
    add.add_argument("--hours", type=float, default=8.0, help="its length")
    total = commands.add_parser("sum", help="hours a person")
    total.add_argument("--json", action="store_true", help="as JSON")
    commands.add_parser("check", help="tell of shifts that overlap; ends with 3 where there are any")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    store = Store(options.file)
    try:
        match options.command:
            case "add":
                shift = Shift(options.begin, options.person, timedelta(hours=options.hours))
                print("added" if store.add(shift) else "there already")
            case "sum":
                report: Report = Json() if options.json else Table()
                print(report.render(totals(store)))
            case _:
                found = conflicts(store)
                for one, two in found:
                    print(f"{one.person} and {two.person} overlap at {two.begin:%Y-%m-%d %H:%M}")
                return 3 if found else 0
    except ShiftError as error:
        print(f"shift-ledger: {error}", file=sys.stderr)
        return 1
    return 0
