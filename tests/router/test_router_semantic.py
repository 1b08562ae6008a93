"""Which questions are alike enough for one answer, and which never are."""

from __future__ import annotations

import asyncio
import gzip
import json
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import httpx
import pytest
from embeddings_server import MODEL, EmbeddingsServer
from openai_server import local_model

from bench.edits import OTHER_MATTERS
from factory_assets.domain.agents import Purpose
from factory_assets.llm.model_access import VARIABLE_HEADER
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.router.backends import Backend
from factory_assets.router.backends_file import embeddings_backend
from factory_assets.router.cache import Place
from factory_assets.router.canonical import CanonicalQuestion
from factory_assets.router.grants import Live
from factory_assets.router.made import EmbeddingsComparison, RouterConfig, router_of
from factory_assets.router.metering import GrantMeter
from factory_assets.router.semantic import Embeddings, Lexical, NoVectorError, Semantic
from factory_assets.router.serving import in_thread
from factory_assets.router.tokens import Grant
from factory_assets.router.whereabouts import Whereabouts
from factory_assets.router.words import Words

# Beside the 847 papers of the package; arXiv's own metadata, CC0: factory_assets/replay/LICENSE-DATA.md.
_MORE = Path(__file__).with_name("abstracts.jsonl.gz")
LIVE = Live(Grant(stage="analyze", limit_usd=1, until=datetime(2026, 6, 17, tzinfo=UTC)), GrantMeter(1.0))


def question(variable: str, frame: str = "frame") -> CanonicalQuestion:
    return CanonicalQuestion("key", "key whole", frame, variable)


def places(*variables: str, frame: str = "frame") -> list[Place]:
    semantic = Semantic(Lexical())

    async def found() -> list[Place]:
        made = [await semantic.place(question(variable, frame), LIVE) for variable in variables]
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


@dataclass
class KnownVectors:
    """Knows these texts' vectors; why it has none of another."""

    known: dict[str, list[float]]
    model: str = "small"
    why: str = "no answer within 10 seconds"

    async def of(self, text: str, live: Live) -> list[float]:
        assert live is LIVE
        if text not in self.known:
            raise NoVectorError(self.why)
        return self.known[text]


def by_vectors(vectors: KnownVectors, told: list[str], *texts: str) -> list[Place | None]:
    async def found() -> list[Place | None]:
        likeness = Embeddings(vectors, 0.95, told.append)
        return [await Semantic(likeness).place(question(text), LIVE) for text in texts]

    return asyncio.run(found())


def test_texts_are_compared_by_the_vectors_of_the_model_that_is_named() -> None:
    vectors = {
        "one": [1.0, 0.0, 0.0],
        "near": [10.0, 1.0, 0.0],
        "far": [1.0, 1.0, 0.0],
        "near 5": [1.0, 0.0, 0.0],
    }
    told: list[str] = []
    one, near, far, number = by_vectors(KnownVectors(vectors), told, *vectors)
    assert one is not None
    assert near is not None
    assert far is not None
    assert number is not None
    semantic = Semantic(Embeddings(KnownVectors(vectors), 0.95, told.append))
    assert semantic.nearest(one, [("far", far.traits), ("near", near.traits)]) == "near"
    assert semantic.nearest(one, [("far", far.traits)]) is None
    # However alike the vectors are: another number is another group, and so is another model.
    assert one.group == near.group != number.group
    (other,) = by_vectors(KnownVectors(vectors, model="large"), told, "one")
    assert other is not None
    assert other.group != one.group
    assert told == []


def test_a_text_without_a_vector_is_not_compared_and_the_reason_is_told_once() -> None:
    told: list[str] = []
    vectors = KnownVectors({"of zeros": [0.0, 0.0]})
    likeness = Embeddings(vectors, 0.95, told.append)

    async def traits(text: str) -> bytes | None:
        return await likeness.traits(text, Words.of(text), LIVE)

    assert asyncio.run(traits("a")) is asyncio.run(traits("b")) is asyncio.run(traits("of zeros")) is None
    vectors.why = "HTTP 500"
    assert asyncio.run(traits("a")) is None
    assert len(told) == 2
    assert "within 10 seconds" in told[0]
    assert "HTTP 500" in told[1]


@pytest.mark.parametrize("serves", [True, False])
def test_a_question_that_is_alike_by_the_routers_own_embeddings_gets_the_same_answer_and_pays_for_that_alone(
    tmp_path: Path, serves: bool
) -> None:
    """Where no server makes vectors, the question is answered all the same."""
    told = ("a cache of prompts", "prompts in a cache")
    with (
        EmbeddingsServer("cache", "prompts") as server,
        local_model(key=None) as model,
        ExitStack() as held,
    ):
        backend = Backend.model_validate(
            {
                "name": "local",
                "kind": "openai",
                "base_url": model.base_url,
                "credential_kind": "none",
                "models": [{"name": "qwen3", "tier": 1, "price": {"input": 1, "output": 1}}],
            }
        )
        config = RouterConfig(
            chains={"api": (backend,)},
            embedders=(embeddings_backend(server.url if serves else "http://127.0.0.1:9", MODEL),),
            semantic_stages=frozenset({"analyze"}),
            compared_by=EmbeddingsComparison(MODEL, 0.9),
        )
        place = Whereabouts(tmp_path / "router")
        access = place.access_to(held.enter_context(in_thread(held.enter_context(router_of(place, config)))))
        usages, hits = [], []
        for text in told:
            with access.open(Purpose("analyze"), limit_usd=1, seconds=60, plain=True) as way:
                answer = httpx.post(
                    f"{access.url}/v1/messages",
                    json={
                        "model": "qwen3",
                        "max_tokens": 100,
                        "messages": [{"role": "user", "content": f"Read:\n<papers>\n{text}\n</papers>\n"}],
                    },
                    headers={"x-api-key": way.token(""), VARIABLE_HEADER: "papers"},
                )
                assert answer.status_code == 200
                hits.append(answer.headers["x-llm-router-cache"])
                usages.append(way.seen.usage)
    assert hits == (["MISS", "HIT"] if serves else ["MISS", "MISS"])
    assert len(model.requests) == (1 if serves else 2)
    assert [usage.cost_usd > 0 for usage in usages] == [True, not serves]
    if serves:
        assert [usage.input_tokens for usage in usages] == [1000 + 4, 4]
