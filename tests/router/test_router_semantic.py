"""Which questions are alike enough for one answer, and which never are."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import combinations
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bench.edits import OTHER_MATTERS
from factory_assets.network.async_client import AsyncClient
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.router.cache import Place
from factory_assets.router.canonical import CanonicalQuestion
from factory_assets.router.semantic import Embeddings, Lexical, Semantic
from factory_assets.router.words import Words

# Beside the 847 papers of the package; arXiv's own metadata, CC0: factory_assets/replay/LICENSE-DATA.md.
_MORE = Path(__file__).with_name("abstracts.jsonl.gz")


def question(variable: str, frame: str = "frame") -> CanonicalQuestion:
    return CanonicalQuestion("key", "key whole", frame, variable)


def places(*variables: str, frame: str = "frame") -> list[Place]:
    semantic = Semantic(Lexical())

    async def found() -> list[Place]:
        made = [await semantic.place(question(variable, frame)) for variable in variables]
        return [place for place in made if place is not None]

    return asyncio.run(found())


def alike(one: str, other: str, threshold: float = 0.9) -> bool:
    first, second = places(one, other)
    likeness = Semantic(Lexical(threshold))
    return first.group == second.group and likeness.nearest(first, [("k", second.traits)]) == "k"


@pytest.fixture(scope="module")
def abstracts() -> list[str]:
    more = [json.loads(line)["summary"] for line in gzip.decompress(_MORE.read_bytes()).splitlines()]
    return [*(paper.summary for paper in load_papers()), *more]


def test_no_two_of_a_thousand_real_abstracts_are_alike(abstracts: list[str]) -> None:
    assert len(set(abstracts)) >= 1000
    likeness = Lexical()
    found = places(*abstracts)
    assert len(found) == len(abstracts)
    # Harder than what is asked of it: all pairs, and not those of one group alone.
    hits = [
        pair
        for pair in combinations(range(len(found)), 2)
        if likeness.score(found[pair[0]].traits, found[pair[1]].traits) >= likeness.threshold
    ]
    assert hits == []


@pytest.mark.parametrize("edit", OTHER_MATTERS)
def test_an_abstract_that_says_something_else_in_nearly_the_same_words_is_not_alike(
    edit: str, abstracts: list[str]
) -> None:
    changed = [(text, other) for text in abstracts if (other := OTHER_MATTERS[edit](text)) != text]
    assert len(changed) > len(abstracts) // 3
    likeness = Semantic(Lexical())
    found = places(*(text for pair in changed for text in pair))
    pairs = zip(found[::2], found[1::2], strict=True)
    assert not any(
        one.group == other.group and likeness.nearest(one, [("k", other.traits)]) for one, other in pairs
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("We propose a new method.", "We introduce the novel approach!"),
        ("On long texts, the model is slow.", "The model is slow, on long texts."),
        (
            "It uses a cache; however, misses remain.",
            "It employs a cache: misses remain",
        ),
        ("Thus  The cache\thelps.", "The cache helps."),
    ],
)
def test_the_same_in_other_words_is_alike(one: str, other: str) -> None:
    assert alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The student teaches the model.", "The model teaches the student."),
        ("It takes 5 of 7 steps.", "It takes 7 of 5 steps."),
        ("Set x to -5.", "Set x to 5."),
        ("The rate is .5 here.", "The rate is 5 here."),
        ("Keep x < y.", "Keep x > y."),
        ("It works without training.", "It works with training."),
        ("It doesn't work.", "It does work."),
        ("IT is slow.", "It is slow."),
        ("GPT-4 wins.", "GPT-5 wins."),
        ("Read a[0].", "Read a(0)."),
        ("First read. Then write.", "Then write. First read."),
        ("Universal rules hold.", "University rules hold."),
    ],
)
def test_what_is_not_the_same_is_not_alike_however_low_the_threshold(one: str, other: str) -> None:
    assert not alike(one, other, threshold=0.01)


LONG = " ".join(f"Sentence {number} tells of a matter by itself in words." for number in range(20))


def test_a_sentence_that_says_little_may_be_missing_and_one_with_a_number_or_a_negation_may_not() -> None:
    assert alike(LONG, f"{LONG} Code comes later.")
    assert alike(f"{LONG} Code comes later.", LONG)
    for more in ("It has 3 parts.", "It fails then.", "Ask the Agent.", "It is cheap & fast."):
        assert not alike(LONG, f"{LONG} {more}")
    assert not alike("One thing. Another thing.", "One thing. Another thing. Yet words follow here.")


def test_questions_of_another_frame_are_never_compared() -> None:
    assert places("text", frame="a")[0].group != places("text", frame="b")[0].group


def test_a_question_that_names_no_part_is_not_compared() -> None:
    assert places("") == []


def test_the_most_alike_is_taken_and_none_below_the_threshold() -> None:
    semantic = Semantic(Lexical(0.5))
    asked, half, nearly = places(LONG, LONG[: len(LONG) * 6 // 10], f"{LONG} Code comes later.")
    assert semantic.nearest(asked, [("half", half.traits), ("nearly", nearly.traits)]) == "nearly"
    assert semantic.nearest(asked, [("half", b""), ("of a damaged file", b"?")]) is None
    assert semantic.nearest(asked, []) is None


def test_hostile_texts_are_taken_apart_in_time() -> None:
    for text in (
        "a-" * 200_000,
        "." * 200_000,
        "a." * 200_000,
        "( " * 200_000,
        "\n" * 200_000,
        "%" * 200_000,
    ):
        assert Words.of(text).marks


@contextmanager
def embedding(vectors: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that knows these texts' vectors, and answers 500 to any other."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append({**body, "path": self.path, "key": self.headers.get("authorization")})
            vector = vectors.get(body["input"][0])
            answer = {"data": [{"index": 0, "embedding": vector}], "model": body["model"]}
            content = json.dumps(answer).encode()
            self.send_response(200 if vector else 500)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def by_vectors(url: str, told: list[str], *texts: str) -> list[Place | None]:
    async def found() -> list[Place | None]:
        async with AsyncClient(10.0, 10.0) as client:
            likeness = Embeddings(client, url, "small", 0.95, told.append, api_key="k")
            return [await Semantic(likeness).place(question(text)) for text in texts]

    return asyncio.run(found())


def test_texts_are_compared_by_the_vectors_of_the_server_that_is_named() -> None:
    vectors = {
        "one": [1.0, 0.0, 0.0],
        "near": [10.0, 1.0, 0.0],
        "far": [1.0, 1.0, 0.0],
        "near 5": [1.0, 0.0, 0.0],
    }
    told: list[str] = []
    with embedding(vectors) as (url, asked):
        one, near, far, number = by_vectors(url, told, *vectors)
    assert one is not None
    assert near is not None
    assert far is not None
    assert number is not None
    semantic = Semantic(Embeddings(AsyncClient(10.0, 10.0), url, "small", 0.95, told.append))
    assert semantic.nearest(one, [("far", far.traits), ("near", near.traits)]) == "near"
    assert semantic.nearest(one, [("far", far.traits)]) is None
    # However alike the vectors are: another number is another group.
    assert one.group == near.group != number.group
    assert asked[0] == {"path": "/v1/embeddings", "key": "Bearer k", "model": "small", "input": ["one"]}
    assert told == []


def test_a_server_that_does_not_answer_costs_the_comparison_alone_and_is_told_once() -> None:
    told: list[str] = []
    with embedding({"odd": "no vector"}) as (url, _):
        assert by_vectors(url, told, "a", "b", "odd") == [None, None, None]
    assert by_vectors(url, told, "a", "b") == [None, None]
    assert len(told) == 3
    assert "HTTP 500" in told[0]
    assert "holds no vector" in told[1]
