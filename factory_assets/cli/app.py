"""The `factory` command: every command in the order that `factory --help` lists them."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer
from rich.console import Console

from factory_assets.cli import desk_commands as desk
from factory_assets.cli import service_commands as service
from factory_assets.cli import work_commands as work
from factory_assets.domain.errors import FactoryError

app = typer.Typer(
    help="An autonomous software factory: papers become specs, specs become repos, repos are published.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "prepare": service.prepare,
    "demo": service.demo,
    "gather": work.gather,
    "analyze": work.analyze,
    "build": work.build,
    "mirror": work.mirror,
    "plan": work.plan,
    "backfill": work.backfill,
    "import": work.import_specs,
    "import-from-db": work.import_from_db,
    "show": desk.show,
    "retry": desk.retry,
    "requeue": desk.requeue,
    "resume": desk.resume,
    "status": desk.status,
    "verify": desk.verify_repo,
    "doctor": service.doctor,
    "up": service.up,
    "down": service.down,
    "gc": service.gc,
    "enable": service.enable,
    "disable": service.disable,
    "demo-ui": service.demo_ui,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
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
