"""Dagster's runs and events in a PostgreSQL database, which dagster.yaml names where FACTORY_DAGSTER_URL is set.

Each mode has a schema of its own, as in the registry, so that one database may hold all of it. A process keeps no
connection open: each question opens one and closes it (Dagster 1.13 uses a `NullPool`), but for the web server, which
keeps one for each of the three kinds of storage.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Self

import sqlalchemy
from dagster_postgres import DagsterPostgresStorage, PostgresRunStorage
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateSchema

from factory_assets.defs.dagster_private.core import ConfigurableClassData
from factory_assets.defs.dagster_private.daemon import DaemonHeartbeat, serialize_value
from factory_assets.defs.dagster_private.storage import DaemonHeartbeatsTable
from factory_assets.defs.run_coordinator import FactoryRunCoordinator
from factory_assets.defs.shared_reports import FRESH_SECONDS, STARTS_RUNS, SharedReports
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.settings import Settings, load_settings

_WHERE = "FACTORY_DAGSTER_URL"
# A host that is cut off is noticed within half a minute, on either side: by the keepalives where it waits for an
# answer, by tcp_user_timeout where what it has sent is not acknowledged. The system alone takes a quarter of an hour
# for that, and two hours on the server's side.
_LIBPQ = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
_SERVER = (
    "-ctcp_keepalives_idle=10",
    "-ctcp_keepalives_interval=5",
    "-ctcp_keepalives_count=3",
    "-ctcp_user_timeout=20000",
    "-cidle_in_transaction_session_timeout=60s",
)


class FactoryPostgresStorage(DagsterPostgresStorage):
    """The storage of the instance that DAGSTER_HOME names, at the address that its settings say.

    The address is not written into dagster.yaml, which anybody may read.
    """

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing: see the settings."""
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Mapping[str, Any],  # noqa: ARG003 - Dagster's interface
    ) -> Self:
        """Open it; tables that are not there yet are made.

        Raises:
            InfrastructureError: the database does not answer, or refuses.
        """
        url = storage_url(load_settings())
        try:
            _make_schema(url)
        except SQLAlchemyError as error:
            raise InfrastructureError(
                f"Dagster's storage cannot be opened: {in_short(error)}",
                where=_WHERE,
                fix="Check that PostgreSQL runs and is reached from here, and that its user may create a schema.",
            ) from error
        return cls(url.render_as_string(hide_password=False), inst_data=inst_data)

    @cached_property
    def run_storage(self) -> FactoryRunStorage:
        """Runs and daemons' reports. The tables are made by Dagster's own, which this class has beside it."""
        return FactoryRunStorage(self.postgres_url, should_autocreate_tables=False)


class FactoryRunStorage(SharedReports, PostgresRunStorage):
    """Dagster's run storage, which several hosts share: reports of daemons are dated by the database.

    A daemon reports by way of its run storage (`dagster._daemon.daemon`, 1.13.27), which is where its id is heard of.
    """

    def add_daemon_heartbeat(self, daemon_heartbeat: DaemonHeartbeat) -> None:
        """Keep a daemon's report, and note here first whose it is. One that is not alone is asked to end."""
        coordinator, daemon_id = self._instance.run_coordinator, daemon_heartbeat.daemon_id
        report = daemon_heartbeat._replace(timestamp=self.now())
        if (
            isinstance(coordinator, FactoryRunCoordinator)
            and daemon_id is not None
            and coordinator.note_reports(daemon_id)
            and report.daemon_type == STARTS_RUNS
        ):
            if not self._kept_alone(report):
                coordinator.end_for_another()
        else:
            super().add_daemon_heartbeat(report)

    def _kept_alone(self, report: DaemonHeartbeat) -> bool:
        """Keep the report unless another daemon has reported lately; whether it was kept. Of two the first stays."""
        told, at = DaemonHeartbeatsTable.c, datetime.fromtimestamp(report.timestamp, UTC).replace(tzinfo=None)
        values = {"timestamp": at, "daemon_id": report.daemon_id, "body": serialize_value(report)}
        is_over = told.timestamp < at - timedelta(seconds=FRESH_SECONDS)
        statement = (
            postgresql.insert(DaemonHeartbeatsTable)
            .values(daemon_type=report.daemon_type, **values)
            .on_conflict_do_update(
                index_elements=[told.daemon_type],
                set_=values,
                where=(told.daemon_id == report.daemon_id) | is_over,
            )
            .returning(told.daemon_type)
        )
        with self.connect() as connection:
            return connection.execute(statement).first() is not None

    def now(self) -> float:
        """See SharedReports."""
        with self.connect() as connection:
            clock = sqlalchemy.extract("epoch", sqlalchemy.func.clock_timestamp())
            return float(connection.execute(sqlalchemy.select(clock)).scalar_one())

    def forget_reports(self, daemon_ids: Collection[str]) -> None:
        """See SharedReports."""
        if daemon_ids:
            with self.connect() as connection:
                connection.execute(
                    DaemonHeartbeatsTable.delete().where(DaemonHeartbeatsTable.c.daemon_id.in_(daemon_ids))
                )


def storage_url(settings: Settings) -> URL:
    """Where the tables are, as SQLAlchemy has it: the driver named, the schema in the connection's options.

    Raises:
        InputError: none is set.
    """
    if settings.factory_dagster_url is None:
        raise InputError(
            "It is not set, and dagster.yaml was made with it.", where=_WHERE, fix="Set it again."
        )
    given = make_url(settings.factory_dagster_url.get_secret_value())
    options = " ".join(
        filter(None, [*_SERVER, _text(given.query.get("options")), f"-csearch_path={_schema(settings)}"])
    )
    return given.set(drivername="postgresql+psycopg2", query={**_LIBPQ, **given.query, "options": options})


def in_short(error: BaseException) -> str:
    """The library's own words in a line: they name host and user, never the password."""
    origin = getattr(error, "orig", None) or error
    return " ".join(str(origin).split())


def _schema(settings: Settings) -> str:
    return f"dagster_{settings.factory_mode}"


def _text(option: str | tuple[str, ...] | None) -> str:
    return " ".join(option) if isinstance(option, tuple) else option or ""


def _make_schema(url: URL) -> None:
    engine = sqlalchemy.create_engine(url, poolclass=NullPool)
    schema = _text(url.query["options"]).rpartition("=")[2]
    # Whoever may not create one can use one that is there.
    if schema not in sqlalchemy.inspect(engine).get_schema_names():
        with engine.begin() as connection:
            connection.execute(CreateSchema(schema, if_not_exists=True))
