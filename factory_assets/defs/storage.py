"""The storage of a Dagster instance: made by one process before several open it."""

import dagster as dg


def make_storage() -> None:
    """Make the storage of the instance at DAGSTER_HOME, where it is new.

    Programs that are started together would each make its SQLite tables, and those that come second would fail for
    good.
    """
    with dg.DagsterInstance.get() as instance:
        instance.get_runs_count()
        instance.event_log_storage.get_maximum_record_id()
        instance.all_instigator_state()
