"""What keeps one instance going beside the stages: specs from outside, housekeeping, and where alerts go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from factory_assets.domain.builds import Phase
from factory_assets.instance.agents import Agents
from factory_assets.instance.holding import hold_spec
from factory_assets.instance.keeping import Keeping
from factory_assets.instance.secrets import Secrets
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.alerts.send import AlertPlaces
    from factory_assets.building.housekeeping import Housekeeping
    from factory_assets.intake.folder import FileReport, Intake


class Imports:
    """Takes specs from outside."""

    def __init__(self, settings: Settings, registry: Registry, secrets: Secrets) -> None:
        self._settings = settings
        self._registry = registry
        self._secrets = secrets

    def at(self, now: datetime) -> Intake:
        """Where specs from outside go: the late ranks of the import date, which is the last partition at most."""
        from factory_assets.intake.folder import Intake

        settings = self._settings
        return Intake(
            store=self._registry.imports,
            day=settings.newest_date(now.date()),
            late_ranks=settings.late_ranks,
            now=now,
            limits=settings.budget_limits,
        )

    def import_folder(self, now: datetime) -> list[FileReport]:
        """Import every file that waits in FACTORY_SPECS_DIR; see intake.folder."""
        with self._secrets.redactor().errors():
            intake, folder = self.at(now), self._settings.specs_dir
            folder.mkdir(parents=True, exist_ok=True)
            self._registry.queue.place_waiting(intake.day, intake.late_ranks)
            return intake.take_folder(folder)

    def preview_folder(self, now: datetime) -> list[str]:
        """Say of each file that waits there, in a line, what an import would do with it; nothing is touched."""
        return self.at(now).preview_folder(self._settings.specs_dir)


class Upkeep:
    """Removes what nobody needs any more."""

    def __init__(self, settings: Settings, registry: Registry, agents: Agents, keeping: Keeping) -> None:
        self._settings = settings
        self._registry = registry
        self._agents = agents
        self._keeping = keeping

    def send_logs(self, notify: Callable[[str], None]) -> bool:
        """Send what of transcripts and logs has not been sent yet; whether nothing waits any more. See Keeping."""
        return self._keeping.send(notify)

    def sweep(self, *, before: datetime, remove: bool) -> list[str]:
        """Remove failed states, transcripts, workspaces and indexes that nobody needs, and shorten the programs' logs.

        With `remove` off it only tells what would go; one line for each kind of thing.
        """
        from factory_assets.archive.citations import KEPT_FOR
        from factory_assets.archive.index_folders import sweep_older_forms
        from factory_assets.files import files_older_than, shorten_logs

        settings = self._settings
        left = self._of_builds().sweep(before=before, remove=remove)
        unsent = self._keeping.unsent()
        old = files_older_than(settings.transcripts_dir, before, remove=remove, but=unsent)
        if remove:
            self._keeping.forget_gone()
            self._registry.novelty.forget_answers(before)
            # Whoever asks for such a paper again has it looked up anew in any case.
            self._registry.citations.forget(before - KEPT_FOR)
        long = shorten_logs(settings.factory_data_dir / "logs", remove=remove)
        older = sweep_older_forms(settings.archive_dir, remove=remove)
        return [
            f"failed states: {len(left.failed_states)}",
            f"workspaces of runs that died: {len(left.workspaces)}",
            f"sessions of runs that died: {len(left.sessions)}",
            f"transcripts: {len(old)}",
            f"logs cut to their end: {len(long)}",
            *([f"indexes of older forms: {', '.join(older)}"] if older else []),
        ]

    def undo_phases(self, name: str, again_from: Phase) -> None:
        """Let the next run of that repo do its phases from this one on anew.

        Raises:
            SpecBusyError, LeaseHeldError: a build is at work on it.
        """
        self._of_builds().undo(name, again_from)

    def _of_builds(self) -> Housekeeping:
        from factory_assets.building.housekeeping import Housekeeping

        settings = self._settings
        return Housekeeping(
            git_dir=settings.git_dir,
            workspaces_dir=settings.workspaces_dir,
            locks_dir=settings.locks_dir,
            author=settings.factory_git_author,
            hold=partial(hold_spec, settings, self._registry, run_id="housekeeping"),
            sessions_of=self._agents.sessions_of,
        )


class Alerts:
    """Where an operator is told of what needs a person."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def places(self) -> AlertPlaces:
        """Where alerts go; those that are set."""
        from factory_assets.alerts.send import AlertPlaces

        settings = self._settings
        return AlertPlaces(
            settings.factory_alert_webhook, settings.factory_slack_webhook, settings.alert_urls
        )

    def ui_url(self) -> str:
        """Where the operator opens the UI."""
        return self._settings.ui_url
