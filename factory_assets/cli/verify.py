"""The command verify: a clone held against its own claims, with no instance and no settings."""

from __future__ import annotations

from rich.console import Console

from factory_assets.building.verify import Bench, VerifyReport, verify_clone
from factory_assets.domain.errors import MissingToolError
from factory_assets.domain.indexes import PackageIndexes
from factory_assets.sandbox import PlainSandbox, find_sandbox


def verify(source: str, console: Console) -> bool:
    """Check what can be read; whether every claim holds."""
    return _show(verify_clone(source), console)


def verify_with_tests(source: str, indexes: PackageIndexes, console: Console) -> bool:
    """Check, and run the repo's tests too; whether every claim holds.

    Raises:
        MissingToolError: without a sandbox, for the tests are anybody's code.
    """
    sandbox = find_sandbox(hidden=())
    if isinstance(sandbox, PlainSandbox):
        raise MissingToolError(
            "The tests of a clone run only in a sandbox, and bubblewrap does not work here.",
            fix="Install the package bubblewrap, or leave out --tests.",
        )
    return _show(verify_clone(source, bench=Bench(commands=sandbox, indexes=indexes)), console)


def _show(report: VerifyReport, console: Console) -> bool:
    for check in report.checks:
        word, style = ("passed", "green") if check.passed else ("failed", "red")
        console.print(
            f"{word:<8} {check.name}: {check.saw}", style=style, markup=False, highlight=False, soft_wrap=True
        )
    failed = sum(not check.passed for check in report.checks)
    console.print(
        f"{report.source} does not hold: {failed} of {len(report.checks)} checks failed."
        if failed
        else f"{report.source} is what it says: {len(report.checks)} checks passed.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return report.passed
