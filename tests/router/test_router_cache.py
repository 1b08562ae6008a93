"""The router's cache on disk: what it keeps, in which form it gives it again, and what it survives."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anthropic
import llm_server
import pytest
from layout import python_path
from messages_api import Reply, messages_api

from factory_assets.replay.messages_reply import MessageReply, TextBlock, TokenUsage
from factory_assets.replay.sse import encode, events_of
from factory_assets.router.cache import AnswerCache, Place
from factory_assets.router.inflight import InFlight
from factory_assets.router.passing import Passing
from factory_assets.router.whole import PIECE_TYPE, STREAM_TYPE, Whole

MESSAGE = llm_server.message('{"names": ["ü"]}')
PIECE = json.dumps(MESSAGE).encode()


def events(*pairs: tuple[str, dict[str, Any]]) -> bytes:
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in pairs).encode()


STREAM = events(*llm_server.stream("hello"))


@dataclass
class Opened:
    """A cache whose clock the test sets."""

    cache: AnswerCache
    told: list[str]
    now: list[datetime] = field(default_factory=lambda: [datetime(2026, 6, 17, 8, tzinfo=UTC)])

    def put(self, key: str, body: bytes = PIECE, content_type: str = PIECE_TYPE, **rest: Any) -> bool:
        return self.cache.put(key, **{"status": 200, "content_type": content_type, "body": body, **rest})

    def body(self, key: str, *, streams: bool = False) -> bytes | None:
        kept = self.cache.get(key, streams=streams)
        return kept.body if kept else None


@contextmanager
def opened(
    file: Path, *, ttl: timedelta = timedelta(days=1), most_bytes: int = 1_000_000
) -> Iterator[Opened]:
    told: list[str] = []
    now = [datetime(2026, 6, 17, 8, tzinfo=UTC)]
    cache = AnswerCache(file, ttl=ttl, most_bytes=most_bytes, clock=lambda: now[0], notify=told.append)
    with cache.opened():
        yield Opened(cache, told, now)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "answers.sqlite"


def test_an_answer_is_given_again_byte_by_byte_and_after_a_restart_too(file: Path) -> None:
    with opened(file) as one:
        assert one.put("piece")
        assert one.put("stream", STREAM, "text/event-stream")
        assert one.body("piece") == PIECE
    with opened(file) as again:
        kept = again.cache.get("stream", streams=True)
        assert kept is not None
        assert (kept.status, kept.content_type, kept.body) == (200, "text/event-stream", STREAM)
        assert kept.model == "claude-haiku-5-5"
        assert again.body("nobody asked this") is None
        assert again.told == []


def test_nobody_else_may_read_the_file(file: Path) -> None:
    with opened(file) as one:
        one.put("k")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert len(modes) == 3


def asked_of(content: bytes, content_type: str, *, streams: bool) -> anthropic.types.Message:
    """What the anthropic SDK makes of an answer."""
    with messages_api(Reply(content, content_type=content_type)) as api:
        url = f"http://127.0.0.1:{api.port}"
        with anthropic.Anthropic(base_url=url, api_key="x", max_retries=0) as client:
            asked: Any = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
            if not streams:
                return client.messages.create(**asked)
            with client.messages.stream(**asked) as stream:
                return stream.get_final_message()


THINKING = [
    ("message_start", {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}}),
    (
        "content_block_start",
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
    ),
    *(
        ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta})
        for delta in (
            {"type": "thinking_delta", "thinking": "let me "},
            {"type": "thinking_delta", "thinking": "see"},
            {"type": "signature_delta", "signature": "sig=="},
        )
    ),
    ("content_block_stop", {"type": "content_block_stop", "index": 0}),
    ("ping", {"type": "ping"}),
    (
        "content_block_start",
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    ),
    *(
        (
            "content_block_delta",
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": words}},
        )
        for words in ("ja ", "ü\n\n", "data: x")
    ),
    *llm_server.stream("")[-3:-2],
    (
        "message_delta",
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 77},
        },
    ),
    ("message_stop", {"type": "message_stop"}),
]


def test_an_answer_that_was_kept_in_the_other_form_says_the_same_to_the_sdk(file: Path) -> None:
    with opened(file) as one:
        one.put("s", events(*THINKING), STREAM_TYPE)
        one.put("p", one.body("s") or b"")
        one.put("s again", one.body("p", streams=True) or b"", STREAM_TYPE)
        told = [
            asked_of(kept.body, kept.content_type, streams=streams).model_dump()
            for key in ("s", "p", "s again")
            for streams in (True, False)
            if (kept := one.cache.get(key, streams=streams)) is not None
        ]
    assert len(told) == 6
    assert all(message == told[0] for message in told)
    thinking, text = told[0]["content"]
    assert (thinking["thinking"], thinking["signature"], text["text"]) == (
        "let me see",
        "sig==",
        "ja ü\n\ndata: x",
    )
    assert (told[0]["usage"]["input_tokens"], told[0]["usage"]["output_tokens"]) == (100, 77)


def test_streams_of_the_replay_server_are_whole(file: Path) -> None:
    reply = MessageReply(
        "claude-haiku-5-5", (TextBlock("word " * 200),), "end_turn", TokenUsage(10, 0, 0, 0, 50)
    )
    body = b"".join(encode(event) for event in events_of(reply))
    with opened(file) as one:
        assert one.put("k", body, "text/event-stream; charset=utf-8")
        assert json.loads(one.body("k") or b"")["content"] == [{"type": "text", "text": "word " * 200}]


ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "later"}}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (events(*llm_server.stream("half", stop=None)), "text/event-stream"),
        (events(*llm_server.stream("half", stop=None), ("error", ERROR)), "text/event-stream"),
        (events(*llm_server.stream("x"), ("error", ERROR)), "text/event-stream"),
        (events(*llm_server.stream("x", stop="max_tokens")), "text/event-stream"),
        (events(*llm_server.stream("x", stop="refusal")), "text/event-stream"),
        (events(*llm_server.stream("")), "text/event-stream"),
        (STREAM[:-1], "text/event-stream"),
        (STREAM[STREAM.index(b"event: content") :], "text/event-stream"),
        (STREAM.replace(b"text_delta", b"news_delta"), "text/event-stream"),
        (STREAM, "application/json"),
        (PIECE, "text/event-stream"),
        (PIECE[:-1], "application/json"),
        (json.dumps(llm_server.message("x", stop="max_tokens")).encode(), "application/json"),
        (json.dumps(llm_server.message("x", stop="refusal")).encode(), "application/json"),
        (json.dumps(llm_server.message("x", content=[])).encode(), "application/json"),
        (json.dumps(llm_server.message("x", content=[{"type": "news"}])).encode(), "application/json"),
        (json.dumps(ERROR).encode(), "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"", ""),
    ],
)
def test_what_is_no_whole_answer_is_never_kept(file: Path, body: bytes, content_type: str) -> None:
    with opened(file) as one:
        assert not one.put("k", body, content_type)
        assert one.body("k") is None
        assert one.cache.fill() == (0, 0)


def test_an_error_status_and_words_where_json_was_asked_for_are_not_kept(file: Path) -> None:
    with opened(file) as one:
        assert not one.put("k", status=529)
        assert not one.put("k", STREAM, STREAM_TYPE, wants_json=True)
        assert one.put("k", wants_json=True)


def test_an_answer_is_given_until_its_time_is_over(file: Path) -> None:
    with opened(file, ttl=timedelta(hours=1)) as one:
        one.put("old")
        one.now[0] += timedelta(minutes=59)
        assert one.body("old") == PIECE
        one.put("new")
        one.now[0] += timedelta(minutes=1)
        one.put("newest")
        assert one.cache.fill()[0] == 2
        assert one.body("old") is None
        assert one.body("new") == PIECE
        one.now[0] -= timedelta(days=1)
        assert one.body("new") is None


def test_beyond_the_bound_the_answers_that_were_used_longest_ago_go(file: Path) -> None:
    body = json.dumps(llm_server.message("x" * 10_000)).encode()
    with opened(file, most_bytes=4 * (len(body) + 1000)) as one:
        for key in "abcd":
            one.put(key, body)
        assert one.body("a") == body
        one.put("e", body)
        assert [key for key in "abcde" if one.body(key)] == ["a", "c", "d", "e"]
        assert not one.put("huge", json.dumps(llm_server.message("x" * 50_000)).encode())
        for number in range(200):
            one.put(str(number), body)
            entries, size = one.cache.fill()
            assert (entries <= 4, size <= one.cache.most_bytes) == (True, True)
    assert file.stat().st_size < 3 * one.cache.most_bytes


def test_the_answers_of_a_group_are_found_with_their_traits_while_they_are_fresh(file: Path) -> None:
    with opened(file, ttl=timedelta(hours=1)) as one:
        one.put("a", place=Place("group", b"1"))
        one.put("b", place=Place("group", b"2"))
        one.put("c", place=Place("other", b"3"))
        one.put("d")
        assert one.cache.alike("group") == [("b", b"2"), ("a", b"1")]
        one.now[0] += timedelta(hours=1)
        assert one.cache.alike("group") == []


def test_a_file_that_is_no_database_costs_the_cache_alone_is_told_once_and_is_left_as_it_is(
    tmp_path: Path,
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("somebody's notes " * 500)
    with opened(file) as one:
        assert not one.put("k")
        assert (one.body("k"), one.cache.alike("x"), one.cache.fill()) == (None, [], (0, 0))
        (told,) = one.told
    assert str(file) in told
    assert "Calls go on without the cache" in told
    assert file.read_text() == "somebody's notes " * 500


def test_a_folder_that_cannot_be_made_costs_the_cache_alone(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with opened(tmp_path / "data" / "answers.sqlite") as one:
        assert not one.put("k")
        assert len(one.told) == 1


def test_a_file_that_is_damaged_while_it_is_used_costs_the_cache_alone(file: Path) -> None:
    with opened(file) as one:
        for number in range(200):
            one.put(str(number), json.dumps(llm_server.message(f"{number} " * 500)).encode())
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)
    with opened(file) as one:
        for number in range(200):
            one.put(f"new {number}")
            assert one.body(str(number)) is None
        assert 1 <= len(one.told) <= 3


def test_an_answer_whose_bytes_the_disk_has_changed_is_a_miss(file: Path) -> None:
    with opened(file) as one:
        one.put("k")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE answers SET body = ?", (PIECE.replace(b"names", b"nanes"),))
    connection.close()
    with opened(file) as one:
        assert one.body("k") is None
        assert one.cache.fill() == (0, 0)


def passed(body: bytes, content_type: str, closed: list[str], status: int = 200) -> Passing:
    """An answer that comes in small pieces."""

    async def content() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    async def close() -> None:
        closed.append("closed")

    return Passing(status, [(b"Content-Type", content_type.encode())], content(), close)


async def heard(passing: Passing, *, most: int = 10**9) -> bytes:
    """What a caller hears that hangs up after so many bytes."""
    got = b""
    async for chunk in passing.content:
        got += chunk
        if len(got) >= most:
            break
    await passing.close()
    return got


@pytest.mark.parametrize(
    ("body", "kind", "streams"), [(STREAM, STREAM_TYPE, True), (PIECE, PIECE_TYPE, False)]
)
def test_an_answer_is_kept_as_it_passes_and_shared_by_all_who_asked_meanwhile(
    file: Path, body: bytes, kind: str, streams: bool
) -> None:
    with opened(file) as one:
        closed: list[str] = []

        async def start() -> Passing:
            return one.cache.keeping(passed(body, kind, closed), "k", place=Place("group", b"t"))

        async def ask() -> list[bytes]:
            flights = InFlight()
            answers = [await flights.join("k", start) for _ in range(3)]
            return [await heard(answer) for answer in answers]

        assert asyncio.run(ask()) == [body] * 3
        assert one.body("k", streams=streams) == body
        assert one.cache.alike("group") == [("k", b"t")]
        assert closed == ["closed"]


def test_a_caller_that_hangs_up_behind_the_last_event_leaves_a_whole_answer_and_one_before_it_none(
    file: Path,
) -> None:
    with opened(file) as one:
        for key, most in (("whole", len(STREAM)), ("cut", len(STREAM) - 8)):
            closed: list[str] = []
            asyncio.run(heard(one.cache.keeping(passed(STREAM, STREAM_TYPE, closed), key), most=most))
            assert closed == ["closed"]
        assert one.body("whole", streams=True) == STREAM
        assert one.body("cut", streams=True) is None


def test_errors_and_answers_beyond_all_bounds_pass_and_are_not_kept(file: Path) -> None:
    huge = json.dumps(llm_server.message("x" * 20_000)).encode()
    with opened(file, most_bytes=10_000) as one:
        assert asyncio.run(heard(one.cache.keeping(passed(huge, PIECE_TYPE, []), "huge"))) == huge
        assert asyncio.run(heard(one.cache.keeping(passed(PIECE, PIECE_TYPE, [], 529), "error"))) == PIECE
        assert one.cache.fill() == (0, 0)


def _run(code: str, *arguments: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": python_path(__file__)}
    head = "import os, resource, signal, sys; from pathlib import Path\nfrom test_router_cache import *\n"
    command = [sys.executable, "-c", head + code, *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def test_what_a_killed_router_had_kept_is_there_and_whole(file: Path) -> None:
    code = (
        "with opened(Path(sys.argv[1])) as one:\n"
        "    for number in range(100_000):\n"
        "        one.put(str(number), json.dumps(llm_server.message(f'{number} ' * 100)).encode())\n"
        "        print(number, flush=True)\n"
    )
    with _run(code, str(file)) as process:
        assert process.stdout is not None
        kept = [int(next(process.stdout)) for _ in range(100)]
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    with opened(file) as one:
        for number in kept:
            whole = Whole.read(PIECE_TYPE, one.body(str(number)) or b"")
            assert whole is not None
            assert whole.text == f"{number} " * 100
        assert one.put("after")
        assert one.told == []


def test_a_disk_that_is_full_costs_no_call_and_no_answer_that_was_kept(file: Path) -> None:
    code = (
        "with opened(Path(sys.argv[1]), most_bytes=10**9) as one:\n"
        "    one.put('first')\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
        "    body = json.dumps(llm_server.message('x' * 50_000)).encode()\n"
        "    kept = [one.put(str(number), body) for number in range(50)]\n"
        "    assert kept[0] and not kept[-1], kept\n"
        "    assert one.body('first') == PIECE and one.body('0') == body\n"
        "    assert 1 <= len(one.told) <= 2, one.told\n"
        "    print('done')\n"
    )
    with _run(code, str(file)) as process:
        assert process.stdout is not None
        assert process.stdout.read() == "done\n"
    with opened(file) as one:
        assert one.body("first") == PIECE
        assert one.put("after")
