"""The registry on PostgreSQL beside DuckDB: a large one, in one run, its claims and ticks, and eight hosts at once.

Run it alone with `python -m bench.bench_registry_postgres`.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from multiprocessing import get_context

import psycopg

from bench.bench_registry import NOW, PAPERS_A_DAY, SPECS, fill_queue, median_ms, paper_of, queries_of
from bench.cpu_load import CpuLoad
from bench.instances import BenchInstance, instance
from bench.peers import postgres_server
from bench.ticks import tick_seconds
from bench.verdict import verdict
from factory_assets.domain.registry_place import PostgresPlace, RegistryPlace
from factory_assets.registry import Patience, Registry

PAPERS, TIMES = 1_000_000, 10
HOSTS, CLAIMS = 8, 50
QUERY_TARGET = 50
_BATCH = 50_000
_TICK = "ms: a tick of "
# The dates of the specs, as `fill_queue` makes them.
FIRST, DAYS = date(2015, 6, 1), 4_018
_TICKS: dict[str, tuple[str, ...]] = {"sensors": ("queued_specs",), "schedules": ()}

# Papers of later dates, made from the first ones.
_COPIES = (
    """
    INSERT INTO raw_items
    SELECT id || '-' || part, source, url || '-' || part, title, body, score, author, created_at, gathered_at,
           fed_to_claude, version, updated_at, day + CAST(part * {days} AS INTEGER), authors, categories, comment,
           fingerprint
    FROM raw_items CROSS JOIN generate_series(1, {copies}) AS parts(part)
    """,
    """
    INSERT INTO labels
    SELECT item_id || '-' || part, topic FROM labels CROSS JOIN generate_series(1, {copies}) AS parts(part)
    """,
)

_TEXT = f"""\
## Registry on PostgreSQL

{PAPERS:,} papers and {TIMES * SPECS:,} specs (500 of them queued), on DuckDB and on a PostgreSQL {{version}} of this
machine, in one run: medians of 9. Measured on {{today}} with {{load}}
(PostgreSQL's own work is the latter).

| | DuckDB | PostgreSQL | ratio |
|:--|--:|--:|--:|
{{rows}}

{{verdict}}

Claims: {HOSTS} processes that share nothing but the registry ask for the same {CLAIMS} specs at once,
{HOSTS * CLAIMS:,} claims in all; each spec went to exactly one of them.
"""


def run() -> str:
    """Measure, and return the section of RESULTS.md."""
    with postgres_server()(durable=True) as url:
        load = CpuLoad()
        with instance(DAYS, first=FIRST) as made:
            duckdb = _measure(made)
        with instance(DAYS, {"FACTORY_REGISTRY_URL": url}, first=FIRST) as made:
            postgres = _measure(made)
            with made.registry._database.transaction() as connection:  # noqa: SLF001
                (version,) = connection.execute("SHOW server_version").fetchall()[0]
    rows = [
        f"| {name} | {_shown(duckdb[name])} | {_shown(value)} | {value / duckdb[name]:.2f} |"
        for name, value in postgres.items()
    ]
    slow = (
        f"{name} ({value:.0f})"
        for name, value in postgres.items()
        if name.startswith("ms: ") and not name.startswith(_TICK) and value >= QUERY_TARGET
    )
    return _TEXT.format(
        today=datetime.now(UTC).date(),
        load=load.told(),
        version=str(version).partition(" ")[0],
        rows="\n".join(rows),
        verdict=verdict(f"each query on PostgreSQL under {QUERY_TARGET} ms", slow),
    )


def _measure(made: BenchInstance) -> dict[str, float]:
    registry, place = made.registry, made.settings.registry_place
    papers = [paper_of(number) for number in range(_BATCH)]
    started = time.perf_counter()
    registry.papers.upsert(papers, now=NOW)
    told = {"new papers a second, the first": _BATCH / (time.perf_counter() - started)}
    fill_queue(registry, TIMES)
    _told(place, "filled")
    with registry._database.transaction() as connection:  # noqa: SLF001
        for statement in _COPIES:
            connection.execute(statement.format(copies=PAPERS // _BATCH - 1, days=_BATCH // PAPERS_A_DAY))
    if isinstance(place, PostgresPlace):
        _vacuum(place)
    _told(place, "copied")
    told |= {f"ms: {name}": median_ms(query) for name, query in queries_of(registry).items()}
    told |= {f"{_TICK}{name}": 1000 * seconds for name, seconds in tick_seconds(made, **_TICKS).items()}
    _told(place, str(told))
    told |= {"ms: a claim, alone": _claim_ms(registry), **_contended(place)}
    _told(place, str(told))
    return told


def _told(place: RegistryPlace, what: str) -> None:
    print(f"{'PostgreSQL' if isinstance(place, PostgresPlace) else 'DuckDB'}: {what}", file=sys.stderr)


def _vacuum(place: PostgresPlace) -> None:
    """What the server's autovacuum does within minutes of so many new rows; not inside a transaction."""
    with psycopg.connect(place.url.get_secret_value(), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _claim_ms(registry: Registry) -> float:
    names = iter(range(1_000_000))
    return median_ms(lambda: registry.launches.claim({f"alone-{next(names)}": "me"}, settled={}, now=NOW))


def _contended(place: RegistryPlace) -> dict[str, float]:
    context = get_context("spawn")
    with ThreadPoolExecutor(HOSTS) as threads:
        pools = [context.Pool(1) for _ in range(HOSTS)]
        for pool in pools:
            pool.apply(_ready)
        started = time.perf_counter()
        won = list(
            threads.map(lambda numbered: numbered[1].apply(_claim, (place, numbered[0])), enumerate(pools))
        )
        seconds = time.perf_counter() - started
        for pool in pools:
            pool.terminate()
    got = [name for names in won for name in names]
    if sorted(got) != sorted(f"tool-{number}" for number in range(CLAIMS)):
        sys.exit(f"{len(got)} claims were given for {CLAIMS} specs")
    return {f"claims a second, {HOSTS} hosts at once": HOSTS * CLAIMS / seconds}


def _ready() -> None:
    """The process is there, with all that it imports."""


def _claim(place: RegistryPlace, host: int) -> list[str]:
    registry = Registry(place, Patience(seconds=300))
    names = [f"tool-{number}" for number in range(CLAIMS)]
    return [name for name in names if registry.launches.claim({name: str(host)}, settled={}, now=NOW)]


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


if __name__ == "__main__":
    print(run())
