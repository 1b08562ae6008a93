"""The demo: the whole factory over three recorded dates, with no key and no network."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from rich.console import Console

from factory_assets.cli.instance import OpenedInstance, open_instance, write_env
from factory_assets.cli.stages import Days, Factory
from factory_assets.cli.tables import show_failures, show_funnel, show_judges
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus
from factory_assets.registry import Registry
from factory_assets.settings import PROJECT_ROOT, Mode, instance_home

# Friday the 19th was a public holiday: the sample holds no paper of that date.
FIRST, LAST = date(2026, 6, 17), date(2026, 6, 19)
# The date whose specs come from research; those of the others from abstracts alone.
RESEARCHED = date(2026, 6, 18)
_SCORING = PROJECT_ROOT / "factory_assets" / "replay" / "recordings" / "demo-scoring.yaml"
FAILS_ON_PURPOSE = "demo-fails-its-gate-on-purpose"


def prepare_demo() -> OpenedInstance:
    """Make the replay instance, or open the one that is there."""
    home = instance_home(Mode.REPLAY)
    write_env(
        home,
        {
            "FACTORY_MODE": Mode.REPLAY,
            "DAGSTER_HOME": str(home),
            "FACTORY_DATA_DIR": str(home / "data"),
            "FACTORY_START_DATE": FIRST.isoformat(),
            "FACTORY_END_DATE": LAST.isoformat(),
            "FACTORY_RANKS": "4",
            "FACTORY_SPECS_PER_DAY": "3",
            "FACTORY_CANDIDATES": "5",
            "FACTORY_SCORING_FILE": str(_SCORING),
            "FACTORY_ARXIV_INTERVAL": "0",
            "FACTORY_MIRROR_INTERVAL": "0",
            "FACTORY_MIRROR_DIR": str(home / "mirrored"),
            "BUILD_WORKERS": "2",
        },
    )
    return open_instance(Mode.REPLAY)


def run_demo(instance: OpenedInstance, registry: Registry, console: Console) -> bool:
    """Run the stages and make the report, or only what is left of it; True when all ends as recorded."""
    days = Days(FIRST, LAST)
    failed: list[str] = []
    if _is_done(registry) and _has_report(instance):
        console.print("The demo has run before; nothing is left to do.")
    else:
        console.print("Starting Dagster (the first run of it on a machine takes some seconds) …")
        with Factory.at_work(instance, registry, console) as factory:
            console.print("Gather: three dates of papers from arXiv", style="bold")
            failed += factory.gather(days)
            console.print("Archive: what arXiv changed on these dates, to find papers alike in", style="bold")
            failed += factory.harvest(days)
            console.print(
                f"Ideas: the best papers of {RESEARCHED}, what is known around them, and specs that rest on it",
                style="bold",
            )
            failed += factory.ideas(Days(RESEARCHED, RESEARCHED))
            console.print("Analyze: Claude reads the other dates' papers and writes specs", style="bold")
            failed += factory.analyze(days)
            console.print("Build: Claude Code builds each spec in three phases", style="bold")
            failed += factory.build(days, [])
            console.print("Mirror: what shipped is published to a local folder", style="bold")
            failed += factory.mirror(days, [])
            console.print("Report: what the factory did, in figures and plots", style="bold")
            failed += factory.report()
    console.print()
    show_funnel(console, registry.reports.funnel(FIRST, LAST))
    show_judges(console, registry)
    show_failures(console, registry, lines=12)
    console.print(
        f"({FAILS_ON_PURPOSE} is recorded to fail: it shows what a refused build looks like.)\n",
        soft_wrap=True,
    )
    _show_places(instance, console)
    return _ended_as_recorded(registry) and all(FAILS_ON_PURPOSE in label for label in failed)


def _is_done(registry: Registry) -> bool:
    return (
        registry.analyses.days() >= {date(2026, 6, day) for day in range(FIRST.day, LAST.day + 1)}
        and not registry.queue.specs({BuildStatus.QUEUED, *IN_PROGRESS})
        and not registry.repos.unmirrored(to_github=False)
    )


def _has_report(instance: OpenedInstance) -> bool:
    return (instance.settings.factory_data_dir / "reports").is_dir()


def _ended_as_recorded(registry: Registry) -> bool:
    failed = {queued.spec.name for queued in registry.queue.specs({BuildStatus.FAILED})}
    return _is_done(registry) and failed == {FAILS_ON_PURPOSE}


def _show_places(instance: OpenedInstance, console: Console) -> None:
    settings = instance.settings
    console.print(
        f"Mirrored repos, to look into:  {_shown(settings.factory_mirror_dir)}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"Bare repositories:             {_shown(settings.git_dir)}", highlight=False, soft_wrap=True
    )
    console.print("The Dagster UI on this instance: make demo-ui", highlight=False, soft_wrap=True)
    console.print(
        "A day at a glance in it:       "
        f"{settings.local_ui_url}/assets/factory_days?view=partitions&partition={FIRST}",
        highlight=False,
        soft_wrap=True,
    )


def _shown(path: Path | None) -> str:
    return "-" if path is None else str(path)
