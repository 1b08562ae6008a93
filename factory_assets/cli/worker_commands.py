"""The command that takes builds from the daemon of another machine."""

from __future__ import annotations

from typing import Annotated

import typer

from factory_assets.cli.common import check_up, console
from factory_assets.cli.instance import open_instance
from factory_assets.domain.errors import InputError
from factory_assets.locks import path_lock


def worker(
    builds: Annotated[int, typer.Option("--builds", help="How many builds go on here at once.", min=1)] = 1,
) -> None:
    """Build here what the daemon of an instance on several machines hands out, until it is stopped."""
    from filelock import Timeout

    instance = open_instance()
    settings = instance.settings
    if settings.factory_celery_broker is None:
        raise InputError(
            "Builds of this instance run where its daemon does, so that there is nothing to take.",
            where="FACTORY_CELERY_BROKER",
            fix="Set it, as docs/scale.md says, on this machine and on the daemon's.",
        )
    if not check_up(instance, joining=builds):
        raise InputError("The worker was not started.", fix="Fix what stands above in red.")
    from factory_assets.defs.celery_worker import work
    from factory_assets.defs.storage import open_storage

    place = settings.factory_data_dir / "worker.lock"
    try:
        held = path_lock(place, blocking=False).acquire()
    except Timeout:
        raise InputError(
            "A worker runs here already.",
            where=str(settings.factory_data_dir),
            fix="Start that one with a greater --builds, or give this one a DAGSTER_HOME and a FACTORY_DATA_DIR.",
        ) from None
    with held:
        with open_storage(settings.factory_data_dir):
            pass
        console.print(f"Takes builds, {builds} at once (Ctrl-C or SIGTERM ends it).", highlight=False)
        work(settings, builds=builds, cwd=instance.programs_dir)
