"""The replay server's prompt cache: what is kept, for how long, and what reads it, as strict as the API's own."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from factory_assets.replay.messages_reply import ApiError, TokenUsage
from factory_assets.replay.messages_request import read_request
from factory_assets.replay.messages_usage import PromptCache

Said = dict[str, object]
LONG = "word " * 600
MODEL = "claude-haiku-5-5"


def block(text: str, *, ttl: str | None = None) -> Said:
    mark = {} if ttl is None else {"cache_control": {"type": "ephemeral", "ttl": ttl}}
    return {"type": "text", "text": text, **mark}


@dataclass
class Asking:
    """Asks a cache, at a time of its own."""

    now: float = 0.0

    def __post_init__(self) -> None:
        self.cache = PromptCache(clock=lambda: self.now)

    def ask(self, *system: Said, user: object = "Go.", model: str = MODEL, **fields: object) -> TokenUsage:
        said = {"model": model, "max_tokens": 10, "messages": [{"role": "user", "content": user}], **fields}
        request = read_request(json.dumps({**said, "system": list(system)}).encode())
        return self.cache.account(request, 1)


@pytest.fixture
def asking() -> Asking:
    return Asking()


def test_a_marked_beginning_is_written_once_and_then_read(asking: Asking) -> None:
    first, second = (asking.ask(block(LONG, ttl="5m"), user=text) for text in ("One.", "Another."))
    assert (first.cache_write_tokens, first.cache_read_tokens) == (1_000, 0)
    assert (second.cache_write_tokens, second.cache_read_tokens) == (0, 1_000)
    assert first.input_tokens > 0


def test_without_a_mark_nothing_is_written_and_nothing_that_is_kept_is_read(asking: Asking) -> None:
    assert asking.ask(block(LONG)).cache_write_tokens == 0
    asking.ask(block(LONG, ttl="5m"))
    assert asking.ask(block(LONG)).cache_read_tokens == 0


@pytest.mark.parametrize(("model", "least"), [(MODEL, 512), ("claude-haiku-4-5", 4_096)])
def test_what_is_shorter_than_the_model_keeps_is_neither_written_nor_read(model: str, least: int) -> None:
    asking = Asking()
    for size, written in ((least - 1, 0), (least, least)):
        text = "xyz" * size
        assert asking.ask(block(text, ttl="5m"), model=model).cache_write_tokens == written
        assert asking.ask(block(text, ttl="5m"), model=model).cache_read_tokens == written


@pytest.mark.parametrize(("ttl", "seconds"), [("5m", 300), ("1h", 3_600)])
def test_it_is_kept_for_its_time_from_when_it_was_last_read(ttl: str, seconds: int) -> None:
    asking = Asking()
    asking.ask(block(LONG, ttl=ttl))
    for _ in range(3):
        asking.now += seconds - 1
        assert asking.ask(block(LONG, ttl=ttl)).cache_read_tokens == 1_000
    asking.now += seconds
    assert asking.ask(block(LONG, ttl=ttl)).cache_read_tokens == 0


def test_what_lasts_an_hour_is_counted_as_such(asking: Asking) -> None:
    usage = asking.ask(block(LONG, ttl="1h"), block(LONG, ttl="5m"))
    assert (usage.cache_write_tokens, usage.cache_write_1h_tokens) == (2_000, 1_000)


def test_a_change_before_the_mark_leaves_nothing_to_read_and_one_behind_it_all(asking: Asking) -> None:
    asking.ask(block(LONG), block("Same.", ttl="5m"))
    assert asking.ask(block(LONG + "!"), block("Same.", ttl="5m")).cache_read_tokens == 0
    assert asking.ask(block(LONG), block("Same.", ttl="5m"), block("New.")).cache_read_tokens > 1_000


def test_another_schema_or_model_is_another_beginning(asking: Asking) -> None:
    def formed(name: str) -> Said:
        schema = {"type": "object", "properties": {name: {"type": "string"}}, "additionalProperties": False}
        return {"format": {"type": "json_schema", "schema": schema}}

    first = asking.ask(block(LONG, ttl="5m"), output_config=formed("one"))
    assert first.cache_write_tokens > 1_000
    assert asking.ask(block(LONG, ttl="5m"), output_config=formed("two")).cache_read_tokens == 0
    assert asking.ask(block(LONG, ttl="5m"), model="claude-sonnet-5-5").cache_read_tokens == 0
    again = asking.ask(block(LONG, ttl="5m"), output_config=formed("one"))
    assert again.cache_read_tokens == first.cache_write_tokens


def test_a_mark_that_moves_on_reads_what_was_kept_before_it_at_most_twenty_blocks_back(
    asking: Asking,
) -> None:
    def turn(number: int) -> list[Said]:
        return [block(LONG), *(block(f"{at}") for at in range(number)), block("Last.", ttl="5m")]

    kept = asking.ask(user=[block(LONG, ttl="5m")]).cache_write_tokens
    near = asking.ask(user=turn(18))
    assert (near.cache_read_tokens, near.cache_write_tokens > 0) == (kept, True)
    asking.now += 301
    asking.ask(user=[block(LONG, ttl="5m")])
    assert asking.ask(user=turn(19)).cache_read_tokens == 0


def test_a_mark_on_the_request_itself_is_that_of_its_last_block(asking: Asking) -> None:
    automatic = {"cache_control": {"type": "ephemeral"}}
    written = asking.ask(block(LONG), **automatic)
    assert (written.cache_write_tokens, written.input_tokens) == (1_001, 0)
    assert asking.ask(block(LONG), **automatic).cache_read_tokens == 1_001


@pytest.mark.parametrize(
    "marks",
    [["5m"] * 5, ["5m", "1h"], ["2h"]],
    ids=["five marks", "an hour behind five minutes", "a time that there is not"],
)
def test_marks_that_the_api_refuses_are_refused(asking: Asking, marks: list[str]) -> None:
    with pytest.raises(ApiError, match="cache_control") as refused:
        asking.ask(*(block(LONG, ttl=ttl) for ttl in marks))
    assert refused.value.status == 400
