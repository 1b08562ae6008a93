"""Which of the factory's own questions use the model's prompt cache: those whose beginning is read again, no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from analyze_fakes import DAY, FakeStore, paper, proposal, run_analysis
from build_material import tree_of
from memory_registry import calls, memory_registry
from pydantic import SecretStr
from reader_fakes import PlayedModel, books_in, model_reader

from factory_assets.domain.agents import Purpose, Question, Route
from factory_assets.domain.builds import Usage
from factory_assets.domain.readings import Finding, FindingKind, Severity
from factory_assets.domain.specs import Spec
from factory_assets.gates.material import show_tree
from factory_assets.gates.reader import Doubt, read_tree
from factory_assets.llm.asking import Asker, Request
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.llm.prices import cost_usd
from factory_assets.llm.routes import Routes
from factory_assets.replay.messages import MODELS
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import (
    Analysis,
    Conversation,
    RecordedFinding,
    RecordedReading,
    RecordedTurn,
)
from factory_assets.replay.server import ReplayServer

SPECS = tuple(Spec.model_validate(proposal(f"tool-{n}", f"2606.{n:05d}")) for n in range(1, 4))
TREE = tree_of(
    {
        "SPEC.md": "# word-count\n\nPrints how often each word occurs.\n",
        "README.md": "".join(f"Line {number} of a document that is not short.\n" for number in range(100)),
        "word_count/cli.py": "".join(f"VALUE_{number} = {number}\n" for number in range(10)),
    }
)
FOUND = [
    Finding(
        kind=FindingKind.HARD_CODED,
        severity=Severity.CRITICAL,
        file=file,
        line=1,
        quote=quote,
        why="It is made up.",
        fix="Reckon it.",
    )
    for file, quote in (
        ("word_count/cli.py", "VALUE_1 = 1"),
        ("README.md", "Line 7 of a document"),
        ("word_count/cli.py", "VALUE_3 = 3"),
    )
]


def read_with(found: Sequence[Finding]) -> list[Usage]:
    """Have a tree read by the real SDK, of which these findings are told; what each question has used."""
    registry = memory_registry()
    recorded = Conversation(
        repo="word-count",
        build=(RecordedTurn(say="Done."),),
        reader=RecordedReading(findings=tuple(RecordedFinding(finding=finding) for finding in found)),
    )
    with ReplayServer(recordings=Recordings.of(recorded)) as server:
        reader = model_reader(ClaudeApi(server.url, api_key=SecretStr("sk-test")), registry=registry)
        read_tree(TREE, (), reader, before=None, decides=True)
    return [call.usage for call in calls(registry)]


def cached(used: Sequence[Usage]) -> list[tuple[bool, bool]]:
    """Of each call whether it has written to the cache, and whether it has read from it."""
    return [(usage.cache_write_tokens > 0, usage.cache_read_tokens > 0) for usage in used]


def test_several_findings_are_confirmed_over_one_writing_of_the_files() -> None:
    used = read_with(FOUND)
    assert cached(used) == [(False, False), (True, False), (False, True), (False, True)]
    first, *others = used[1:]
    assert {usage.cache_read_tokens for usage in others} == {first.cache_write_tokens}
    # All but the finding itself.
    assert all(usage.cache_read_tokens > 10 * usage.input_tokens for usage in others)


@pytest.mark.parametrize("count", [0, 1])
def test_a_reading_that_nobody_reads_again_is_not_written(count: int) -> None:
    assert cached(read_with(FOUND[:count])) == [(False, False)] * (1 + count)


def test_findings_in_different_files_are_asked_about_the_same_material() -> None:
    model = PlayedModel(*FOUND)
    read_tree(TREE, (), model_reader(model), before=None, decides=True)
    _, *doubts = model.asked
    assert len({question.material for question in doubts}) == 1
    assert [quoted(question) for question in doubts] == [finding.quote for finding in FOUND]


def quoted(question: Question) -> str:
    """The finding that a question is about."""
    return next(finding.quote for finding in FOUND if f"Quote: {finding.quote}" in question.prompt)


def test_a_day_of_one_batch_writes_nothing_and_of_several_it_writes_the_rules_once() -> None:
    papers = [paper(number, abstract="word " * 300) for number in range(1, 4)]
    used = {}
    for batch_tokens in (90_000, 5_500):
        store = FakeStore()
        analysis = Analysis(date=DAY, specs=SPECS)
        with ReplayServer(recordings=Recordings.of(analysis)) as server:
            api = ClaudeApi(base_url=server.url, api_key=SecretStr("made-up"), timeout_seconds=20, retries=0)
            run_analysis(papers, Routes([(Route.API, api)], lambda _: None), store, batch_tokens=batch_tokens)
        used[batch_tokens] = cached([call.usage for call in store.calls])
    assert used[90_000] == [(False, False)]
    # The last call ranks what the others have found, by rules of its own.
    assert used[5_500][0] == (True, False)
    assert set(used[5_500][1:-1]) == {(False, True)}
    assert used[5_500][-1] == (False, False)


class Clocked:
    """An asker at a time of its own, and what of it was marked for the cache."""

    def __init__(self) -> None:
        self.now = 0.0
        self.model = PlayedModel()
        self.asker = Asker(
            about="word-count",
            purpose=Purpose("reader", "word-count"),
            model=self.model,
            model_name="claude-haiku-5-5",
            setting="FACTORY_READER_MODEL",
            books=books_in(memory_registry()),
            notify=lambda line: None,
            clock=lambda: self.now,
        )
        self._numbers: Iterator[int] = iter(range(100))

    def ask(self, *, more: bool = False, material: str = "files", schema: str = "one") -> bool:
        number = next(self._numbers)
        request = Request(
            "a question", "rules", lambda _: f"question {number}", {"title": schema}, 100, material=material
        )
        self.asker.ask(request, str, more=more)
        return self.model.asked[-1].caches


def test_what_was_written_is_read_for_five_minutes_after_it_was_last_read() -> None:
    asker = Clocked()
    assert asker.ask(more=True)
    for _ in range(2):
        asker.now += 299
        assert asker.ask()
    asker.now += 300
    assert not asker.ask()


def test_only_the_same_rules_form_and_material_are_read() -> None:
    asker = Clocked()
    assert not asker.ask()
    assert asker.ask(more=True)
    assert not asker.ask(material="other files")
    assert not asker.ask(schema="another")
    assert asker.ask()


@pytest.mark.parametrize("model", MODELS)
def test_the_cache_pays_from_the_second_question_on(model: str) -> None:
    def dollars(**tokens: int) -> float:
        return cost_usd(model, Usage(**tokens))

    plain, written = dollars(input_tokens=10_000), dollars(cache_write_tokens=10_000)
    assert written == pytest.approx(1.25 * plain)
    assert written + dollars(cache_read_tokens=10_000) < 1.36 * plain


def test_a_tree_that_fits_is_shown_in_the_same_order_whatever_is_needed() -> None:
    assert show_tree(TREE, (), needed="word_count/cli.py") == show_tree(TREE, ())


def test_a_needed_file_is_shown_where_there_is_too_much() -> None:
    huge = {f"docs/huge-{number:02}.md": ("y" * 99 + "\n") * 400 for number in range(12)}
    needed = "docs/huge-11.md"
    tree = tree_of(huge)
    assert f'path="{needed}"' not in show_tree(tree, ()).files
    assert f'path="{needed}"' in show_tree(tree, (), needed=needed).files


def test_a_doubt_without_company_is_not_written() -> None:
    model = PlayedModel()
    model_reader(model).rule([Doubt(FOUND[0], show_tree(TREE, ()))])
    assert [question.caches for question in model.asked] == [False]
