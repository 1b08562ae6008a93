"""The router's shared answers: what the cache costs, and what the comparison of questions finds and gets wrong."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import combinations
from pathlib import Path

from bench.edits import OTHER_MATTERS, PARAPHRASES, Edit
from bench.verdict import verdict
from factory_assets.analyze.batches import paper_text
from factory_assets.llm.model_access import UNORDERED_HEADER, VARIABLE_HEADER
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.router.asked import Asked
from factory_assets.router.cache import AnswerCache, Place
from factory_assets.router.canonical import CanonicalQuestion, owner_of
from factory_assets.router.grants import Live
from factory_assets.router.inflight import InFlight
from factory_assets.router.metering import GrantMeter
from factory_assets.router.passing import Passing
from factory_assets.router.semantic import Lexical, Semantic
from factory_assets.router.tokens import Grant
from factory_assets.router.words import Words

ANSWERS, ASKERS, ANSWER_KB = 1_000, 200, 30
HIT_TARGET_MS = 3.0
# llm-router's measure: word sets, alike from here on.
SETS_THRESHOLD = 0.85
_HEADERS = [(UNORDERED_HEADER.encode(), b"paper"), (VARIABLE_HEADER.encode(), b"papers")]
_OWNER = owner_of("bench")


def run() -> str:
    """Measure, and return the section of RESULTS.md."""
    return "\n\n".join(("## The router's shared answers", _costs(), _found()))


def _costs() -> str:
    papers = [paper_text(record.paper) for record in load_papers()]
    rows = []
    for count in (20, 170):
        content = _request(papers[:count])
        size = f"{len(content) // 1024} KB"
        rows.append((f"the key of a request of {size}", _times(partial(_read, content), 50)))
        rows.append(
            (f"taking apart the words of {size}", _times(partial(Words.of, _read(content).variable), 20))
        )
    with tempfile.TemporaryDirectory() as folder:
        told: list[str] = []
        cache = AnswerCache(
            Path(folder) / "answers.sqlite",
            ttl=timedelta(days=1),
            most_bytes=10**9,
            clock=lambda: datetime.now(UTC),
            notify=told.append,
        )
        with cache.opened():
            numbers = iter(range(ANSWERS))
            rows.append(
                (f"keeping an answer of {ANSWER_KB} KB", _times(lambda: _keep(cache, next(numbers)), ANSWERS))
            )
            numbers = iter(range(ANSWERS))
            hits = _times(lambda: cache.get(str(next(numbers)), streams=False), ANSWERS)
            rows.append((f"a hit among {ANSWERS:,}", hits))
            rows.append(("a miss", _times(lambda: cache.get("none", streams=False), ANSWERS)))
        if told:
            raise RuntimeError(told[0])
    calls, seconds, megabytes = asyncio.run(_shared())
    missed = [name for name, times in rows if name.startswith("a hit") and times[0] >= HIT_TARGET_MS]
    table = "\n".join(f"| {name} | {p50:.2f} | {p99:.2f} |" for name, (p50, p99) in rows)
    return (
        f"| | p50, ms | p99, ms |\n|:--|--:|--:|\n{table}\n\n"
        f"{verdict(f'a hit under {HIT_TARGET_MS:g} ms at p50', missed)}\n\n"
        f"{ASKERS} identical questions at once became {calls} upstream call; each got its {ANSWER_KB} KB within"
        f" {seconds * 1000:.0f} ms, with {megabytes:.1f} MB held at most for all of them."
    )


def _found() -> str:
    texts = [record.paper.abstract for record in load_papers()]
    places = asyncio.run(_places(texts))
    likeness = Lexical()
    pairs = len(texts) * (len(texts) - 1) // 2
    false = sum(
        likeness.score(one.traits, other.traits) >= likeness.threshold
        for one, other in combinations(places, 2)
    )
    alike = asyncio.run(_table(texts, PARAPHRASES))
    others = asyncio.run(_table(texts, OTHER_MATTERS))
    missed = [f"{false} pairs of abstracts"] if false else []
    missed += [name for name, _, hits, _ in others if hits]
    return (
        f"Comparing by words at its threshold ({likeness.threshold:g}): {false} false hits among all {pairs:,} pairs of"
        f" {len(texts)} real abstracts. Then each abstract is edited by rule and compared with itself: hits, beside"
        f" those of word sets at {SETS_THRESHOLD:g}, which is what llm-router does. The paraphrases are mechanical, so"
        " that their rates say which kinds of rewording are known, and not how often people reword so.\n\n"
        "| says the same | abstracts that it changes | hits | by word sets |\n|:--|--:|--:|--:|\n"
        f"{_rows(alike)}\n\n"
        "| says something else | abstracts that it changes | false hits | by word sets |\n|:--|--:|--:|--:|\n"
        f"{_rows(others)}\n\n"
        f"{verdict('no false hit', missed)}"
    )


_Row = tuple[str, int, int, int]


async def _table(texts: Sequence[str], edits: Mapping[str, Edit]) -> list[_Row]:
    rows = []
    for name, edit in edits.items():
        changed = [(text, other) for text in texts if (other := edit(text)) != text]
        ours = [await _is_hit(one, other) for one, other in changed]
        sets = [_by_sets(one, other) >= SETS_THRESHOLD for one, other in changed]
        rows.append((name, len(changed), sum(ours), sum(sets)))
    return rows


def _rows(rows: Sequence[_Row]) -> str:
    return "\n".join(
        f"| {name} | {count} | {hits / max(1, count):.1%} | {sets / max(1, count):.1%} |"
        for name, count, hits, sets in rows
    )


async def _places(texts: Sequence[str]) -> list[Place]:
    semantic = Semantic(Lexical())
    live = Live(Grant(stage="analyze", limit_usd=1, until=datetime.now(UTC)), GrantMeter(1.0))
    found = [await semantic.place(CanonicalQuestion("key", "key", "frame", text), live) for text in texts]
    return [place for place in found if place is not None]


async def _is_hit(one: str, other: str) -> bool:
    asked, kept = await _places((one, other))
    nearest = Semantic(Lexical()).nearest(asked, [("key", kept.traits)])
    return asked.group == kept.group and nearest is not None


def _by_sets(one: str, other: str) -> float:
    first, second = (set(re.findall(r"\w+", text.lower())) for text in (one, other))
    return len(first & second) / len(first | second)


async def _shared() -> tuple[int, float, float]:
    """Upstream calls, seconds until all have all of it, and megabytes held, for many who ask the same at once."""
    calls = 0
    flights = InFlight()

    async def content() -> AsyncGenerator[bytes, None]:
        for _ in range(ANSWER_KB):
            await asyncio.sleep(0)
            yield b"x" * 1024

    async def start() -> Passing:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        return Passing(200, [], content(), _nothing)

    async def ask() -> None:
        answer = await flights.join("key", start)
        size = sum([len(chunk) async for chunk in answer.content])
        if size != ANSWER_KB * 1024:
            raise RuntimeError(f"{size} bytes came")

    started = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(ASKERS)))
    seconds = time.perf_counter() - started
    tracemalloc.start()
    await asyncio.gather(*(ask() for _ in range(ASKERS)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return calls // 2, seconds, most / 2**20


async def _nothing() -> None:
    """There is nothing to close."""


def _request(papers: Sequence[str]) -> bytes:
    prompt = "\n".join(("Task: analyze", "<papers>", *papers, "</papers>", "Return specs."))
    asked = {"model": "claude-haiku-5-5", "max_tokens": 32_000, "system": "rules " * 2000, "stream": True}
    return json.dumps({**asked, "messages": [{"role": "user", "content": prompt}]}).encode()


def _read(content: bytes) -> CanonicalQuestion:
    asked = Asked.read(content)
    question = CanonicalQuestion.read(content, asked, owner=_OWNER, target="/v1/messages", headers=_HEADERS)
    if question is None:
        raise RuntimeError("the request has no key")
    return question


def _keep(cache: AnswerCache, number: int) -> None:
    text = f"{number} ".ljust(ANSWER_KB * 1024, "x")
    message = {
        "type": "message",
        "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
    }
    cache.put(str(number), status=200, content_type="application/json", body=json.dumps(message).encode())


def _times(step: Callable[[], object], times: int) -> tuple[float, float]:
    """Milliseconds at p50 and p99."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        step()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


if __name__ == "__main__":
    print(run())
