"""Leading an operator from a repo's name to its pages in the Dagster UI."""

from __future__ import annotations

import os
import webbrowser

from rich.console import Console

from factory_assets.defs.pages import repo_page, runs_page
from factory_assets.domain.specs import QueuedSpec


def show_pages(queued: QueuedSpec, console: Console, *, ui_url: str) -> str:
    """Print the addresses of the repo in the UI, and return the one to open: its partition, or else its runs."""
    partition, runs = repo_page(queued), runs_page(queued.spec.name)
    console.print("\nin the Dagster UI:", style="bold")
    where = f"{ui_url}{partition}" if partition else "none yet: it waits for a free rank"
    for name, value in (("its partition", where), ("its runs", f"{ui_url}{runs}")):
        console.print(f"{name:<15} {value}", markup=False, highlight=False, soft_wrap=True)
    return f"{ui_url}{partition or runs}"


def open_page(address: str, console: Console) -> None:
    """Open it in a browser, or say that there is none: the address stands above."""
    if not _opened(address):
        console.print("No browser could be started here: open the address where there is one.")


def _opened(address: str) -> bool:
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    # One that draws in the terminal runs no scripts, and the UI is nothing else. What BROWSER names is meant.
    if type(browser) is webbrowser.GenericBrowser and not os.environ.get("BROWSER"):
        return False
    return browser.open(address)
