"""Dagster's run queue, which the factory's dagster.yaml names, so that every daemon of the instance comes by here.

Whoever starts a daemon (`factory up`, `dagster dev`, `dagster-daemon run`), the same is done: it notes that it is
there, puts BUILD_WORKERS in force, and lets backfills wait while a code location does not load. Dagster by itself fails
every backfill in flight then, and cancels its runs. A run of a rank without a spec ends when it is submitted, by the
daemon, the web server or a command.
"""

from __future__ import annotations

import logging
import os
import signal

import dagster as dg
from dagster import QueuedRunCoordinator, SubmitRunContext

from factory_assets.daemon_notes import living_daemons, note_daemon, note_daemon_id
from factory_assets.defs.daemons import check_no_daemon, forget_daemon
from factory_assets.defs.empty_ranks import (
    BackfillAtWork,
    EmptyRanks,
    answer_ahead,
    answer_run,
    asked_of_run,
)
from factory_assets.defs.pools import put_workers_in_force
from factory_assets.defs.shared_reports import SharedReports
from factory_assets.defs.storage import data_dir_of, registry_of
from factory_assets.domain.errors import FactoryError
from factory_assets.registry import Registry
from factory_assets.settings import REGISTRY_FILE, load_settings

# Read in Dagster 1.13.27, dagster/_core/execution/asset_backfill.py: any value lets a backfill wait.
_BACKFILLS_WAIT = "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR"

_log = logging.getLogger("dagster.daemon.factory")


class FactoryRunCoordinator(QueuedRunCoordinator[dg.DagsterInstance]):
    """The queue of the factory's runs.

    A run coordinator is one of Dagster's plug-ins: https://docs.dagster.io/deployment/execution/run-coordinators.
    """

    _note: int | None = None
    _reports_as: str | None = None

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Called once, where the instance is first asked for its coordinator, so before a daemon looks at a backfill.

        Dagster looks for the switch in the daemon's own environment alone, whoever has started it.
        """
        os.environ.setdefault(_BACKFILLS_WAIT, "1")
        super().register_instance(instance)

    @property
    def dequeue_interval_seconds(self) -> int:
        """How often the queue is looked at.

        In Dagster 1.13 a daemon asks for it once, when it starts (`dagster._daemon.controller`), and nothing else does.
        """
        self._begin()
        return super().dequeue_interval_seconds

    def note_reports(self, daemon_id: str) -> bool:
        """Note by which id the reports of this process are known; whether it is a daemon at all."""
        if self._note is not None and self._reports_as is None:
            self._reports_as = daemon_id
            note_daemon_id(self._note, daemon_id)
        return self._note is not None

    def end_for_another(self) -> None:
        """Ask this daemon to end: that of another host reports in its place, because this one was away or came second.

        Dagster itself would only log it. Whatever keeps this one running starts it again, and it is refused until it is
        alone.
        """
        _log.error("The daemon of another host works on this storage: this one ends.")
        os.kill(os.getpid(), signal.SIGTERM)

    def dispose(self) -> None:
        """The daemon has ended."""
        if self._note is not None:
            os.close(self._note)
            self._note = self._reports_as = None
        super().dispose()

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """See RunCoordinator."""
        run = context.dagster_run
        if run.status is dg.DagsterRunStatus.NOT_STARTED and self._is_answered(context):
            return self._instance.get_run_by_id(run.run_id) or run
        return super().submit_run(context)

    def _is_answered(self, context: SubmitRunContext) -> bool:
        run = context.dagster_run
        asked = asked_of_run(run)
        registry = self._registry()
        if asked is None or registry is None:
            return False
        graph = context.workspace.asset_graph
        empty = EmptyRanks(self._instance, registry, graph, self._logger.warning)
        at_work = BackfillAtWork.of(self._instance, run, graph)
        is_empty = empty.hold(asked)
        if is_empty:
            answer_run(self._instance, run, asked, at_work)
        if at_work is not None:
            answer_ahead(self._instance, run, empty, at_work)
        return is_empty

    def _registry(self) -> Registry | None:
        """The registry, if it is there and known: who goes by another one would take a rank for empty."""
        try:
            registry = registry_of(self._instance)
        except FactoryError:
            return None
        is_there = registry.is_shared or (data_dir_of(self._instance) / REGISTRY_FILE).exists()
        return registry if is_there else None

    def _begin(self) -> None:
        if self._note is not None:
            return
        self._refuse_beside_another_host()
        data_dir = data_dir_of(self._instance)
        others = living_daemons(data_dir)
        self._note = note_daemon(data_dir)
        if others:
            # The settings in force are those of the daemon that was there first.
            _log.warning(
                "This instance has a daemon already: %s. Stop one of the two.", ", ".join(map(str, others))
            )
            return
        try:
            put_workers_in_force(self._instance, load_settings().build_workers)
        except FactoryError as error:
            _log.warning("BUILD_WORKERS is not put in force: %s", error)

    def _refuse_beside_another_host(self) -> None:
        """Two daemons on one storage launch twice; on one machine, whoever started both sees both."""
        if isinstance(self._instance.run_storage, SharedReports):
            check_no_daemon(self._instance)
            forget_daemon(self._instance)
