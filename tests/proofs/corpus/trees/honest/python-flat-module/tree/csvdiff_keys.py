#!/usr/bin/env python3
"""Compare two CSV files by key columns.

Example: csvdiff_keys.py --key id old.csv new.csv
"""

import argparse
import csv
import sys
from typing import NamedTuple

__version__ = "0.1.0"


class Problem(Exception):
    """Input that cannot be compared."""


class Table(NamedTuple):
    columns: list
    rows: dict


class Change(NamedTuple):
    sign: str
    key: tuple
    detail: str


def read_table(path, key_columns, delimiter=","):
    """Reads a CSV file into a Table whose rows are found by their key."""
    with open(path, newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle, delimiter=delimiter)
        columns = list(reader.fieldnames or [])
        missing = [name for name in key_columns if name not in columns]
        if missing:
            raise Problem(f"{path}: no column {', '.join(missing)}")
        rows = {}
        for row in reader:
            key = tuple(row[name] for name in key_columns)
            if key in rows:
                raise Problem(f"{path}:{reader.line_num}: key {'/'.join(key)} stands there twice")
            rows[key] = row
    return Table(columns, rows)


def compare(old, new, ignore=()):
    """The changes from old to new, by key."""
    columns = [name for name in old.columns if name in new.columns and name not in ignore]
    changes = []
    for key in sorted(old.rows.keys() | new.rows.keys()):
        if key not in new.rows:
            changes.append(Change("-", key, ""))
        elif key not in old.rows:
            changes.append(Change("+", key, ""))
        else:
            before, after = old.rows[key], new.rows[key]
            for name in columns:
                if before[name] != after[name]:
                    changes.append(Change("~", key, f"{name}: {before[name]} -> {after[name]}"))
    return changes


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("-k", "--key", action="append", required=True, help="key column; may be repeated")
    parser.add_argument("-i", "--ignore", action="append", default=[], help="column that may differ")
    parser.add_argument("-d", "--delimiter", default=",", help="column separator")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the exit code")
    args = parser.parse_args(argv)
    try:
        old = read_table(args.old, args.key, args.delimiter)
        new = read_table(args.new, args.key, args.delimiter)
    except (OSError, Problem, UnicodeDecodeError) as problem:
        print(f"csvdiff-keys: {problem}", file=sys.stderr)
        return 2
    changes = compare(old, new, args.ignore)
    if not args.quiet:
        for change in changes:
            print(f"{change.sign} {'/'.join(change.key)} {change.detail}".rstrip())
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main())
