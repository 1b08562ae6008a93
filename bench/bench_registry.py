"""The registry under load: bulk upsert, and what the UI and the queue ask of a large registry.

Run it alone with `python -m bench.bench_registry`.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bench.verdict import verdict
from factory_assets.domain.builds import BuildStatus
from factory_assets.domain.papers import LabelledPaper, Paper
from factory_assets.domain.redaction import Redactor
from factory_assets.domain.specs import Language, Spec
from factory_assets.registry import Registry
from factory_assets.registry.specs import queue_specs
from factory_assets.settings import Settings

PAPERS, PAPERS_A_DAY = 100_000, 300
SPECS, SPECS_A_DAY = 10_000, 30
QUEUED = 500
FIRST = date(2025, 6, 1)
# All dates of this registry.
SEEN_DAYS = 401
NOW = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)
REPEATS = 9
NEW, CHANGED = "new papers", "a new version of each"
ROWS_TARGETS = {NEW: 25_000, CHANGED: 20_000}
QUERY_TARGET = 30
# As long as those of the APIs and of GitHub, and as many as a factory has.
SECRETS = [f"sk-ant-{number}-{'Ab1x' * 20}" for number in range(4)]

_SENTENCE = "we cache keys and values of long contexts so that a small model answers sooner than before"
_WORDS = _SENTENCE.split()

_TEXT = f"""\
## Registry

Bulk upsert of {PAPERS:,} papers of about 1.2 KB with 1.5 topics each, in one call and one transaction, with the
commit and the closing of the file. A factory's registry takes its secrets out of them first: a line of its own.
Measured on {{today}}.

| upsert | seconds | rows a second |
|:--|--:|--:|
{{upserts}}

{{upserts_verdict}}

Queries on that registry with {SPECS:,} specs ({QUEUED} of them queued, the others mostly shipped and mirrored) and
{4 * SPECS:,} model calls: median of {REPEATS}, with opening and closing the file.

| query | ms |
|:--|--:|
{{queries}}

{{queries_verdict}}
"""

# Those of earlier dates, made from the first ones.
_MORE = """
INSERT INTO build_queue (id, name, problem, source_url, solution, language, files, estimated_lines, status, queued_at,
                         complexity, who_pays, integration_point, moat, spec, analysed_day, day, rank)
SELECT nextval('spec_ids'), name || '-' || part, problem, source_url, solution, language, files, estimated_lines,
       status, queued_at, complexity, who_pays, integration_point, moat, spec, analysed_day,
       day - CAST(part * 400 AS INTEGER), rank
FROM build_queue CROSS JOIN generate_series(1, {copies}) AS parts(part)
"""
# What happened to the specs: building them one by one would take far longer than what is measured here.
_HISTORY = """
UPDATE build_queue SET status = 'shipped', attempts = 1, shipped_at = queued_at, run_id = 'run ' || day
WHERE id <= {last};

UPDATE build_queue SET status = 'failed', error_log = 'gate tests: 1 failed'
WHERE id % 10 = 0 AND id <= {last};

INSERT INTO repos
SELECT name, language, problem, source_url, queued_at, queued_at, '0.1.0', 140, TRUE, TRUE, TRUE, queued_at, id,
       'c0ffee', 6, 'nowhere'
FROM build_queue WHERE status = 'shipped';

INSERT INTO mirrors
SELECT name, 'https://example.org/' || name, commit, created_at FROM repos
WHERE spec_id <= {last} - 30;

UPDATE repos SET mirrored_to = 'github' WHERE spec_id <= {last} - 30;

INSERT INTO llm_calls
SELECT name || '/' || part, 'build', day || '|' || rank, name, 'build', 'api', 'claude-sonnet-5-5', 9, 90000,
       9000, 50000, 5000, 0.4, 60.0, FALSE, 'done', CAST(day AS TIMESTAMP)
FROM build_queue CROSS JOIN generate_series(1, 4) AS parts(part)
"""


def run() -> str:
    """Measure, and return the section of RESULTS.md."""
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(Path(folder) / "registry.duckdb")
        upserts = _measure_upserts(registry)
        fill_queue(registry)
        queries = {name: median_ms(query) for name, query in queries_of(registry).items()}
    rates = {name: PAPERS / seconds for name, seconds in upserts.items()}
    return _TEXT.format(
        today=datetime.now(UTC).date(),
        upserts="\n".join(
            f"| {name} | {seconds:.1f} | {rates[name]:,.0f} |" for name, seconds in upserts.items()
        ),
        upserts_verdict=verdict(
            f"above {ROWS_TARGETS[NEW]:,} new and {ROWS_TARGETS[CHANGED]:,} changed papers a second",
            (name for name, target in ROWS_TARGETS.items() if rates[name] <= target),
        ),
        queries="\n".join(f"| {name} | {milliseconds:.0f} |" for name, milliseconds in queries.items()),
        queries_verdict=verdict(
            f"under {QUERY_TARGET} ms",
            (name for name, milliseconds in queries.items() if milliseconds >= QUERY_TARGET),
        ),
    )


def _measure_upserts(registry: Registry) -> dict[str, float]:
    papers = [paper_of(number) for number in range(PAPERS)]
    redact = Redactor(SECRETS)
    seconds = {
        NEW: _seconds(lambda: registry.papers.upsert(papers, now=NOW)),
        "the same papers again": _seconds(lambda: registry.papers.upsert(papers, now=NOW)),
        "(redacting them)": _seconds(lambda: [redact.model(entry) for entry in papers]),
    }
    # Put in the place of the others: Python's collector looks at all that is held.
    papers = [
        LabelledPaper(paper=entry.paper.model_copy(update={"version": 2}), topics=entry.topics)
        for entry in papers
    ]
    return {**seconds, CHANGED: _seconds(lambda: registry.papers.upsert(papers, now=NOW))}


def queries_of(registry: Registry) -> dict[str, Callable[[], object]]:
    day, rank = FIRST + timedelta(days=100), 7
    spec = registry.queue.at(day, rank)
    if spec is None:
        raise LookupError(f"no spec at {day}, rank {rank}")
    name = spec.spec.name
    newest = FIRST + timedelta(days=SPECS // SPECS_A_DAY - 1)
    midnight = datetime.combine(newest, datetime.min.time(), UTC)
    last, limits = FIRST + timedelta(days=SEEN_DAYS - 1), Settings().budget_limits
    return {
        "the papers of a date, with topics": lambda: registry.papers.of_day(day),
        "the unread papers of a date": lambda: registry.papers.unanalysed(day),
        "dates with unread papers": registry.papers.unread_days,
        "what is shown of a date": lambda: registry.papers.contents_of([day]),
        "papers by id": lambda: registry.papers.by_id(spec.spec.source_papers),
        "dates analysed": registry.analyses.days,
        "names taken": registry.queue.taken_names,
        "the specs of a date": lambda: registry.queue.of_day(day),
        "the spec of a partition": lambda: registry.queue.at(day, rank),
        "a spec by name": lambda: registry.queue.named(name),
        "the specs of a run": lambda: registry.queue.of_run(f"run {day}"),
        f"launchable specs ({QUEUED} queued)": lambda: registry.queue.launchable(NOW, limits),
        f"the queue ({QUEUED} queued)": lambda: registry.queue.specs({BuildStatus.QUEUED}),
        "specs without a rank": registry.queue.unranked,
        "a shipped repo": lambda: registry.repos.named(name),
        "repos not mirrored (30)": lambda: registry.repos.unmirrored(to_github=True),
        "where a repo is mirrored": lambda: registry.repos.mirror_of(name),
        "usage of a repo": lambda: registry.ledger.usage(repo=name),
        "usage of a date": lambda: registry.ledger.usage(day=day),
        "dollars since the last midnight": lambda: registry.ledger.spent_since(midnight),
        "the funnel of 30 dates": lambda: registry.reports.funnel(day, day + timedelta(days=29)),
        f"the funnel of {SEEN_DAYS} dates": lambda: registry.reports.funnel(FIRST, last),
        "failures of 30 dates": lambda: registry.reports.failures(day, day + timedelta(days=29)),
    }


def fill_queue(registry: Registry, times: int = 1) -> None:
    """Queue so many times SPECS specs, and let most of them have been built."""
    with registry._database.transaction() as connection:  # noqa: SLF001 - one by one it would take far too long
        for number in range(0, SPECS, SPECS_A_DAY):
            day = FIRST + timedelta(days=number // SPECS_A_DAY)
            specs = [_spec(number + place) for place in range(min(SPECS_A_DAY, SPECS - number))]
            ids = [_arxiv_id(paper) for paper in range(number * 10, (number + SPECS_A_DAY) * 10 - 5)]
            queue_specs(
                connection, day, specs, ids, dropped=0, ranks=range(1, 31), late_ranks=range(31, 41), now=NOW
            )
        if times > 1:
            connection.execute(_MORE.format(copies=times - 1))
        connection.execute(_HISTORY.format(last=times * SPECS - QUEUED))


def _arxiv_id(number: int) -> str:
    return f"{2506 + number // 20_000:04d}.{number % 20_000:05d}"


def paper_of(number: int) -> LabelledPaper:
    words = (_WORDS[(number * 7 + place * place) % len(_WORDS)] for place in range(200))
    moment = datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(days=number // PAPERS_A_DAY)
    paper = Paper(
        arxiv_id=_arxiv_id(number),
        version=1,
        title=f"Paper {number}: on caching keys and values",
        abstract=f"In work {number} " + " ".join(words),
        authors=("Ada Lovelace", "Alan Turing", f"Author {number}"),
        categories=("cs.LG", "cs.CL"),
        comment="12 pages, 4 figures" if number % 3 else None,
        published=moment + timedelta(seconds=number % 86_400),
        updated=moment + timedelta(seconds=number % 86_400),
    )
    return LabelledPaper(paper=paper, topics=("kv-cache",) if number % 2 else ("serving", "long-context"))


def _spec(number: int) -> Spec:
    return Spec(
        name=f"tool-{number}",
        problem=f"Developers cannot see what happens in case {number}, and find out in production.",
        source_papers=(_arxiv_id(number * 10),),
        solution="A command that measures it the way the paper does, and a report that says what to change.",
        language=list(Language)[number % 5],
        files=("src/tool/main.py", "src/tool/report.py", "tests/test_main.py", "tests/test_report.py"),
        estimated_lines=100 + number % 200,
        complexity="low",
        who_pays="Teams that serve models and pay for every second of it.",
        integration_point="Their CI, as one command with an exit code.",
        moat="It knows the layouts of the servers in use.",
    )


def _seconds(step: Callable[[], object]) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def median_ms(query: Callable[[], object]) -> float:
    return statistics.median(_seconds(query) for _ in range(REPEATS)) * 1000


if __name__ == "__main__":
    print(run())
