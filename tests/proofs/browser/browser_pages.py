"""The pages of the Dagster UI as an operator uses them: what is opened, clicked and waited for."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from factory_assets.cli.processes import LOCATION

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Locator, Page

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
GROUPS = ("factory", "archive", "ideas")
_WIDTH, _HEIGHT = 1440, 900
_HIGHEST, _MARGIN = 5000, 48
_IS_WHOLE = """node => {
    const box = node.getBoundingClientRect();
    return box.bottom < innerHeight && node.contains(document.elementFromPoint(box.left + 4, box.top + 4));
}"""
_PATIENCE_MILLISECONDS = 90_000
_MENU_TRIES, _MENU_MILLISECONDS = 20, 1_500


@contextmanager
def browser(url: str, pictures: Path | None) -> Iterator[Ui]:
    """Debian's Chromium on the UI; skips, naming what is missing, where it cannot be."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="the Python package playwright is not installed: `make browser`"
    )
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_program(), args=list(_ARGUMENTS))
        try:
            page = chromium.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
            page.set_default_timeout(_PATIENCE_MILLISECONDS)
            # Asked of specs for as long as an instance has no research, which their papers route does without.
            page.add_locator_handler(
                page.get_by_text("have not been materialized yet"),
                lambda: page.get_by_role("button", name="Confirm").click(),
            )
            yield Ui(url, page, pictures)
        finally:
            chromium.close()


def chromium_program() -> str:
    """Where Chromium is; skips where it is not."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("chromium is not installed: `apt install chromium`")
    return found


def place(found: Locator) -> FloatRect:
    """Where it stands in the window."""
    box = found.bounding_box()
    assert box is not None, f"{found} is not seen"
    return box


@dataclass(frozen=True)
class Ui:
    """One browser window on the UI at `url`; `pictures` is where screenshots go, where any are wanted."""

    url: str
    page: Page
    pictures: Path | None

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(f"{self.url}{path}")

    def shot(self, name: str, *, height: int = _HEIGHT) -> None:
        """Keep what the window shows, down to that height, without its moving parts."""
        if self.pictures is not None:
            size = self.page.viewport_size
            assert size is not None
            self.page.screenshot(
                path=self.pictures / f"{name}.png",
                animations="disabled",
                clip={"x": 0, "y": 0, "width": size["width"], "height": min(height, size["height"])},
            )

    def shot_whole(self, name: str, *, last: str) -> None:
        """Keep the page down to this text, in a window that is high enough for all of it."""
        self.page.set_viewport_size({"width": _WIDTH, "height": _HIGHEST})
        box = place(self.sees(last))
        bottom = round(box["y"] + box["height"] + _MARGIN)
        assert bottom <= _HIGHEST, "the page is longer than the picture"
        self.page.set_viewport_size({"width": _WIDTH, "height": bottom})
        self.shot(name, height=bottom)
        self.page.set_viewport_size({"width": _WIDTH, "height": _HEIGHT})

    def node(self, asset: str) -> Locator:
        """An asset's node in the lineage graph."""
        return self.page.locator("foreignObject").get_by_text(asset, exact=True)

    def whole_node(self, asset: str) -> bool:
        """Whether a node of the lineage graph is seen down from its corner, with nothing cut or over it."""
        node = self.page.locator("foreignObject").filter(has=self.page.get_by_text(asset, exact=True))
        return bool(node.evaluate(_IS_WHOLE))

    def button(self, text: str) -> Locator:
        """The first button with these words."""
        return self.page.get_by_role("button", name=re.compile(re.escape(text))).first

    def sees(self, text: str) -> Locator:
        """Wait until this text is seen."""
        found = self.page.get_by_text(text).locator("visible=true").first
        found.wait_for()
        return found

    def open_lineage(self) -> None:
        """The graph of all assets, drawn, with all groups open as Alt+E opens them."""
        self.open("/asset-groups?expanded=" + ",".join(f"global%40global%3A{group}" for group in GROUPS))
        self.node("github").wait_for()

    def open_partition(self, asset: str, key: str) -> None:
        """The page of one partition, with its latest event."""
        self.open(f"/assets/{asset}?view=partitions&partition={key}")

    def materialize(self, asset: str, *keys: str) -> str:
        """Click "Materialize…", choose the partition by its keys, click "Launch run"; the run's id."""
        self.open(f"/assets/{asset}?view=partitions" if keys else f"/assets/{asset}")
        self.button("Materialize").click()
        if keys:
            # The page behind the dialog has such a box, too.
            dialog = self.page.get_by_role("dialog")
            box = dialog.get_by_placeholder(re.compile("^ex: ")).last
            box.fill(keys[0])
            box.press("Enter")
            for rank in keys[1:]:
                dialog.get_by_text("Select a partition or create one").last.click()
                menu = self.page.locator("[class*=Menu], [class*=menu]")
                menu.get_by_text(rank, exact=True).locator("visible=true").last.click()
                # The menu stays open over the button, as more than one rank can be chosen.
                dialog.get_by_text("Partition selection").click()
            dialog.get_by_role("button", name=re.compile("Launch")).click()
        return self._launched()

    def backfill_all_dates(self, *assets: str) -> str:
        """Select the nodes, click "Materialize selected", take all dates, click "Launch backfill"; its id."""
        self.open("/locations/__repository__@factory/asset-groups/factory/lineage")
        self.node("github").wait_for()
        self.node(assets[0]).click()
        # The first click opens a pane over the right half, and a node that is not in view is not drawn.
        self.button("Materialize selected").wait_for()
        for asset in assets[1:]:
            self._drag_graph(-150)
            self.node(asset).click(modifiers=["Shift"])
        self.button("Materialize selected").click()
        dialog = self.page.get_by_role("dialog")
        # Ranks come after dates, with a button of their own until the dates are chosen.
        dialog.get_by_role("button", name="All", exact=True).first.click()
        dialog.get_by_role("button", name=re.compile("Launch backfill")).click()
        self.page.get_by_role("link", name="View", exact=True).first.wait_for()
        self.open("/runs/?view=backfills")
        link = self.page.locator("a[href*='/runs/b/']").first
        link.wait_for()
        return self._id_at_end(link)

    def materialize_range(self, asset: str, first: str, last: str) -> str:
        """Click "Materialize…", write a range of partitions, click "Launch backfill"; the backfill's id."""
        self.open(f"/assets/{asset}?view=partitions")
        self.button("Materialize").click()
        dialog = self.page.get_by_role("dialog")
        box = dialog.get_by_placeholder(re.compile("^ex: ")).last
        box.fill(f"[{first}...{last}]")
        box.press("Enter")
        dialog.get_by_role("button", name=re.compile("Launch backfill")).click()
        return self._launched()

    def choose(self, asset: str, item: str) -> Locator:
        """Open the menu beside "Materialize…" and click an item; the dialog that opens."""
        self.open(f"/assets/{asset}")
        self.button("Materialize").locator("xpath=following::button[1]").click()
        self.page.get_by_text(item, exact=True).click()
        # Menus are dialogs, too, for the browser.
        cancel = self.page.get_by_role("button", name="Cancel")
        return self.page.get_by_role("dialog").filter(has=cancel)

    def preview_tick(self, kind: str, name: str) -> Locator:
        """Click "Preview tick result" of a sensor or schedule and "Continue"; the dialog with the result."""
        self.open(f"/locations/{LOCATION}/{kind}/{name}")
        self.button("Preview tick result").click()
        dialog = self.page.get_by_role("dialog").last
        dialog.get_by_role("button", name="Continue").click()
        dialog.get_by_text("Result", exact=True).wait_for()
        return dialog

    def launch_previewed(self, kind: str, name: str, shown: str) -> None:
        """Preview a tick, see that it shows this, and click the button that launches it."""
        dialog = self.preview_tick(kind, name)
        dialog.get_by_text(shown, exact=True).wait_for()
        dialog.get_by_role("button", name=re.compile("commit tick result")).click()
        dialog.wait_for(state="hidden")

    def launchpad(self, asset: str, key: str) -> str:
        """Choose "Open launchpad", write the partition, click "Materialize"; the run's id."""
        self.open(f"/assets/{asset}")
        self.button("Materialize").locator("xpath=following::button[1]").click()
        self.page.get_by_text("Open launchpad", exact=True).click()
        self.sees("Launchpad (configure assets)")
        self.page.get_by_placeholder("Partition", exact=True).click()
        self.page.keyboard.type(key)
        self.page.keyboard.press("Enter")
        # Behind the launchpad is the page with "Materialize…".
        self.page.get_by_role("button").filter(has_text=re.compile("^Materialize$")).last.click()
        self.page.wait_for_url("**/runs/*")
        return self.page.url.split("/runs/")[1].split("?")[0]

    def limit_pool(self, pool: str, limit: int) -> None:
        """Open the pool under Deployment → Concurrency, click "Edit limit", write another one."""
        self.open(f"/deployment/concurrency/{pool}")
        self.button("Edit limit").click()
        dialog = self.page.get_by_role("dialog")
        dialog.locator("input").last.fill(str(limit))
        dialog.get_by_role("button", name="Update limit").click()
        dialog.wait_for(state="hidden")

    def act_on_backfill(self, backfill_id: str, item: str) -> None:
        """Open the menu of a backfill's page and choose an item."""
        self.open(f"/runs/b/{backfill_id}")
        self.sees("Partition selection")
        found = self.page.get_by_role("menuitem").filter(has_text=re.compile(f"^{item}$"))
        # The page draws itself again while it loads, and closes the menu.
        for _ in range(_MENU_TRIES):
            self.page.get_by_role("button").last.click()
            self.page.wait_for_timeout(_MENU_MILLISECONDS)
            if found.is_visible():
                break
        found.click()

    def cancel_backfill(self, backfill_id: str) -> None:
        """Choose "Cancel backfill" on its page and confirm."""
        self.act_on_backfill(backfill_id, "Cancel backfill")
        self.page.get_by_role("dialog").get_by_role("button", name="Cancel backfill").click()

    def switch(self, kind: str, name: str) -> None:
        """Click the switch of a sensor or schedule."""
        self.open(f"/locations/{LOCATION}/{kind}/{name}")
        self.page.locator("label:has(input[type=checkbox])").first.click()

    def report_by_hand(self, asset: str, day: str, rank: str) -> None:
        """Open "Report materialization events", choose the partition, click "Report event"."""
        dialog = self.choose(asset, "Report materialization events")
        box = dialog.get_by_placeholder(re.compile("^ex: ")).last
        box.fill(day)
        box.press("Enter")
        dialog.get_by_text("Select a partition or create one").last.click()
        menu = self.page.locator("[class*=Menu], [class*=menu]")
        menu.get_by_text(rank, exact=True).locator("visible=true").last.click()
        dialog.get_by_text("Partition selection").click()
        dialog.get_by_role("button", name="Report event").click()
        dialog.wait_for(state="hidden")

    def wipe(self, asset: str) -> None:
        """Open "Wipe materializations" and confirm."""
        self.choose(asset, "Wipe materializations").get_by_role("button", name="Wipe").click()

    def re_execute_from_failure(self, run_id: str) -> str:
        """Open the run, choose "From failure" beside "Re-execute"; the new run's id."""
        self.open(f"/runs/{run_id}")
        self.button("Re-execute").locator("xpath=following::button[1]").click()
        self.page.get_by_text("From failure", exact=True).click()
        self.page.wait_for_url(lambda url: "/runs/" in url and run_id not in url)
        return self.page.url.split("/runs/")[1].split("?")[0]

    def stop_run(self, run_id: str) -> None:
        """Open a run that goes on, click "Terminate" and confirm."""
        self.open(f"/runs/{run_id}")
        self.button("Terminate").click()
        self.page.get_by_role("dialog").get_by_role("button", name=re.compile("Terminate")).click()

    def execute_all_checks(self, asset: str) -> str:
        """Open the asset's checks, click "Execute all"; the run's id."""
        self.open(f"/assets/{asset}?view=checks")
        self.button("Execute all").click()
        return self._launched()

    def why_a_check_is_not_executed(self, asset: str, check: str) -> str:
        """Open the asset's checks, choose one, point at "Execute"; what the page then says about executing checks."""
        self.open(f"/assets/{asset}?view=checks&checkDetail={check}")
        self.sees("Latest execution")
        button = self.page.get_by_role("button").filter(has_text=re.compile("^Execute$"))
        assert button.is_disabled()
        said = self.page.get_by_text("Executing checks")
        assert not said.count()
        button.hover(force=True)
        said.wait_for()
        return said.inner_text()

    def re_execute_run(self, run_id: str) -> str:
        """Open the run, click "Re-execute"; the new run's id."""
        self.open(f"/runs/{run_id}")
        self.button("Re-execute").click()
        self.page.wait_for_url(lambda url: "/runs/" in url and run_id not in url)
        return self.page.url.split("/runs/")[1].split("?")[0]

    def _drag_graph(self, by: int) -> None:
        """Move the lineage graph so many pixels to the right, by a place without a node."""
        left, top = 500, 800
        self.page.mouse.move(left, top)
        self.page.mouse.down()
        self.page.mouse.move(left + by, top, steps=5)
        self.page.mouse.up()

    def _launched(self) -> str:
        link = self.page.get_by_role("link", name="View", exact=True).first
        link.wait_for()
        return self._id_at_end(link)

    @staticmethod
    def _id_at_end(link: Locator) -> str:
        target = link.get_attribute("href")
        assert target is not None
        return target.split("?")[0].rstrip("/").split("/")[-1]
