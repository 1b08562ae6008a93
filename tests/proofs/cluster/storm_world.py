"""Machines that share PostgreSQL, Redis, a folder of bare repositories and one router, and nothing else.

They are live instances: the credential is the router's alone, and what stands behind it is the played model. Nothing
else outside of them can be reached. Their clocks are five minutes apart.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from chaos_checks import Books
from chaos_specs import ChaosSpec, SpecSource
from cluster_world import wait_for
from machines import Machine, Network, Outside, network
from postgres_server import PostgresServer, postgres_server
from pydantic import SecretStr
from redis_server import RedisServer

from factory_assets.defs.dagster_private.core import InstanceRef
from factory_assets.domain.builds import Phase, Usage
from factory_assets.domain.registry_place import PostgresPlace
from factory_assets.env_file import read_env_file
from factory_assets.llm.prices import cost_usd
from factory_assets.registry import Registry
from factory_assets.replay.messages import ReplayAnswer
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.server import ReplayServer

BUILDERS = ("alder", "birch", "cedar", "dogwood")
_CLOCK_SECONDS = 150.0
_PACE_SECONDS = 1.0
_REAL_KEY = "sk-ant-api03-of-the-router-alone-0123456789"
_SHARED_KEY = "a-key-that-the-hosts-share-0123456789abcdef"
_ROUTER_PORT = 4100
# So that no build is stopped by what dead hosts have spent.
_PLENTY = 100_000
_NEVER = "0 0 29 2 *"
_COMMAND_SECONDS = 300.0
_SETTINGS = {
    "FACTORY_START_DATE": "2026-06-17",
    "FACTORY_END_DATE": "2026-11-01",
    "FACTORY_RANKS": "10",
    "FACTORY_SPECS_PER_DAY": "6",
    "FACTORY_NOVELTY_FLOOR": "0",
    "FACTORY_ANSWER_CACHE_HOURS": "0",
    # Those of hosts that are gone are taken for some minutes, and so are those whose message Redis has forgotten.
    "BUILD_WORKERS": "12",
    **{f"FACTORY_{stage}_CRON": _NEVER for stage in ("GATHER", "ANALYZE", "BUILD", "MIRROR", "REPORT")},
    **{f"FACTORY_{phase.upper()}_TURNS": "40" for phase in Phase},
    **{f"FACTORY_{name}_BUDGET_USD": str(_PLENTY) for name in ("REPO", "BUILD", "SEO", "REVIEW")},
    "FACTORY_DAY_BUDGET_USD": str(1000 * _PLENTY),
}
_REPOSITORY = re.compile(rb"Repository: *([a-z0-9-]+)")
_PHASE = re.compile(rb"Phase: *([a-z]+)")
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


class Host:
    """A machine with an instance of the factory."""

    def __init__(self, root: Path, machine: Machine | Outside, settings: Mapping[str, str]) -> None:
        self.machine, self.name = machine, machine.name
        self.root = root / machine.name
        self.home, self.data = self.root / "home", self.root / "data"
        self.log = self.root / "log"
        for folder in (self.home, self.root / "tmp"):
            folder.mkdir(parents=True)
        values = {"FACTORY_MODE": "live", "FACTORY_DATA_DIR": str(self.data), **settings}
        self._programs: list[subprocess.Popen[bytes]] = []
        (self.home / ".env").write_text("".join(f"{key}={value}\n" for key, value in values.items()))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `factory` with these arguments."""
        return self._start([sys.executable, "-m", "factory_assets.cli", *arguments])

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        started = self.machine.start(command, self._environment(), self.log)
        self._programs.append(started)
        return started

    def run(self, *arguments: str) -> None:
        """Run `factory` with these arguments to its end."""
        code = self.start(*arguments).wait(timeout=_COMMAND_SECONDS)
        assert code == 0, f"factory {' '.join(arguments)} on {self.name}:\n{self.said()[-4000:]}"

    def power_on(self) -> None:
        """Boot it, as its clock says."""
        self.machine.boot(self.log)

    def come_back(self) -> None:
        """Boot it, and let it build, one spec at a time.

        A worker is not started while something is down that it needs. It is tried again, as by deploy/compose.yaml.
        """
        self.power_on()
        words = [sys.executable, "-m", "factory_assets.cli", "worker"]
        self._start(["sh", "-c", 'until "$@"; do sleep 2; done', "sh", *words])

    def power_off(self) -> None:
        """End all that it runs at once."""
        self.machine.kill()
        for program in self._programs:
            program.wait()
        self._programs.clear()

    def said(self) -> str:
        """What its programs said."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _environment(self) -> dict[str, str]:
        kept = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG", "XDG_CACHE_HOME")
            if name in os.environ
        }
        own = {"DAGSTER_HOME": str(self.home), "TMPDIR": str(self.root / "tmp"), "COLUMNS": "200"}
        return {**kept, **own}


class Storm:
    """The machines, and what they share."""

    def __init__(self, root: Path, bridge: Network, database: PostgresServer, broker: RedisServer) -> None:
        self.root, self.git = root, root / "git"
        self.database, self.broker = database, broker
        self.books = Books()
        self.answered: defaultdict[str, list[float]] = defaultdict(list)
        self.asked: Counter[tuple[str, str]] = Counter()
        self.most_connections = 0
        self.registry = Registry(PostgresPlace(SecretStr(database.url), "factory_live"))
        self._recordings = root / "recordings"
        self._source = SpecSource(self.registry, self._recordings)
        self.specs: list[ChaosSpec] = [self._source.queue()]
        self.model = ReplayServer(
            recordings=Recordings.load(self._recordings),
            pace_seconds=_PACE_SECONDS,
            accepted_keys=frozenset({_REAL_KEY}),
        )
        self._answers = self.model.messages.answer
        self.model.messages.answer = self._answer  # type: ignore[method-assign]
        shared = {"FACTORY_REGISTRY_URL": database.url, "FACTORY_ROUTER_KEY": _SHARED_KEY}
        credential = {"ANTHROPIC_BASE_URL": self.model.url, "ANTHROPIC_API_KEY": _REAL_KEY}
        self._router_address = bridge.address
        self.router = Host(root, Outside("router"), {**shared, **credential})
        settings = {
            **shared,
            **_SETTINGS,
            "FACTORY_DAGSTER_URL": database.url,
            "FACTORY_CELERY_BROKER": broker.url,
            "FACTORY_GIT_DIR": str(self.git),
            "LLM_ROUTER_URL": f"http://{bridge.address}:{_ROUTER_PORT}",
        }
        self.main, *self.builders = (
            Host(
                root,
                Machine(name, bridge, number, clock=_CLOCK_SECONDS if number % 2 else -_CLOCK_SECONDS),
                {**settings, "FACTORY_MIRROR_DIR": str(root / name / "mirrored")},
            )
            for number, name in enumerate(("main", *BUILDERS), start=3)
        )

    def queue(self) -> None:
        """One more spec."""
        self.specs.append(self._source.queue())
        self.model.messages.recordings = Recordings.load(self._recordings)

    def start_router(self) -> None:
        """Let the router run, and wait until it answers."""
        begin = len(self.router.said())
        self.router.start("router", "--host", self._router_address, "--port", str(_ROUTER_PORT))
        wait_for("the router", lambda: "The router:" in self.router.said()[begin:])

    def answered_so_far(self) -> dict[str, int]:
        """How many answers of the model there were for each spec."""
        return {name: len(answers) for name, answers in self.answered.items()}

    def note_connections(self) -> None:
        """Look how many the database has."""
        with psycopg.connect(self.database.url) as connection:
            row = connection.execute(_CONNECTIONS).fetchone()
        self.most_connections = max(self.most_connections, row[0] if row else 0)

    def _answer(self, headers: Mapping[str, str], body: bytes) -> ReplayAnswer:
        """What the model answers, with its dollars in the books before anybody else knows of them."""
        answered = self._answers(headers, body)
        if named := _REPOSITORY.search(body):
            name, counts = named[1].decode(), answered.reply.usage
            usage = Usage(
                input_tokens=counts.input_tokens,
                output_tokens=counts.output_tokens,
                cache_read_tokens=counts.cache_read_tokens,
                cache_write_tokens=counts.cache_write_tokens,
            )
            dollars = cost_usd(answered.reply.model, usage)
            self.books.answered(name, dollars)
            self.answered[name].append(dollars)
            if (phase := _PHASE.search(body)) and b"Round:" not in body:
                self.asked[name, phase[1].decode()] += 1
        return answered

    @contextmanager
    def storage(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's storage, as the daemon's host sees it."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in read_env_file(self.main.home / ".env").items():
                patch.setenv(name, value)
            patch.setenv("DAGSTER_HOME", str(self.main.home))
            with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(self.main.home))) as instance:
                yield instance


@contextmanager
def storm(root: Path) -> Iterator[Storm]:
    """The servers, the router and the host with the daemon; nothing is launched and no host builds yet."""
    with ExitStack() as held:
        bridge = held.enter_context(network(root))
        database = held.enter_context(postgres_server(address=bridge.address))
        broker = RedisServer(bridge.address)
        held.callback(broker.kill)
        broker.start()
        made = Storm(root, bridge, database, broker)
        held.enter_context(made.model)
        for host in (made.router, made.main, *made.builders):
            held.callback(host.power_off)
        made.router.power_on()
        made.start_router()
        made.main.power_on()
        made.main.run("up")
        yield made
