"""The `factory` command: every command in the group and order in which `factory --help` lists it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer
from rich.console import Console

from factory_assets.cli import citation_commands as citing
from factory_assets.cli import ideas_synthesis as making
from factory_assets.cli import judge_commands as judging
from factory_assets.cli import observe_commands as observing
from factory_assets.cli import queue_commands as queue
from factory_assets.cli import router_commands as routing
from factory_assets.cli import service_commands as service
from factory_assets.cli import work_commands as work
from factory_assets.cli import worker_commands as working
from factory_assets.cli.archive_commands import archive
from factory_assets.cli.ideas_commands import ideas
from factory_assets.cli.ideas_delivery import deliver
from factory_assets.cli.registry_commands import registry
from factory_assets.domain.errors import FactoryError

app = typer.Typer(
    help="An autonomous software factory: papers become specs, specs become repos, repos are published.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_GROUPS: dict[str, dict[str, Callable[..., None]]] = {
    "Run a stage": {
        "gather": work.gather,
        "analyze": work.analyze,
        "build": work.build,
        "mirror": work.mirror,
        "backfill": work.backfill,
        "import": work.import_specs,
        "import-from-db": work.import_from_db,
    },
    "Look": {
        "status": queue.status,
        "show": queue.show,
        "plan": work.plan,
        "verify": queue.verify_repo,
        "judge": judging.judge,
        "rejudge": judging.rejudge,
        "doctor": service.doctor,
    },
    "Fix": {
        "retry": queue.retry,
        "requeue": queue.requeue,
        "resume": queue.resume,
    },
    "Operate": {
        "prepare": service.prepare,
        "up": service.up,
        "down": service.down,
        "enable": service.enable,
        "disable": service.disable,
        "router": routing.router,
        "worker": working.worker,
        "metrics": observing.metrics,
        "gc": service.gc,
        "demo": service.demo,
        "demo-ui": service.demo_ui,
    },
}
for _group, _commands in _GROUPS.items():
    for _name, _command in _commands.items():
        app.command(_name, rich_help_panel=_group)(_command)
archive.command("refs")(citing.refs)
archive.command("cited-by")(citing.cited_by)
app.add_typer(archive, name="archive", rich_help_panel="Research")
ideas.command("run")(making.run)
ideas.command("synthesize")(making.synthesize)
ideas.command("stats")(making.stats)
ideas.command("compare")(making.compare)
ideas.command("deliver")(deliver)
app.add_typer(ideas, name="ideas", rich_help_panel="Research")
app.add_typer(registry, name="registry", rich_help_panel="Operate")
app.command("supervise", hidden=True)(service.supervise)


def main() -> None:
    """Run the command; an error is one clear text and exit code 1."""
    try:
        app()
    except FactoryError as error:
        Console(stderr=True).print(
            f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        sys.exit(1)
