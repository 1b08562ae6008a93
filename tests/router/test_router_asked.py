"""What the router reads of a request, and the one thing that it may change in it."""

from __future__ import annotations

import json

import pytest

from factory_assets.router.asked import Asked, with_model


def test_the_model_alone_is_replaced_and_no_other_byte() -> None:
    text = (
        b'{ "messages":[{"role":"user","content":"say \\"model\\": \\"claude-x\\""}],'
        b'"metadata":{"model" : "claude-x"},\n"model" :\t"claude-x" , "unknown":1.0e2}'
    )
    changed = with_model(text, "claude-haiku-5-5")
    assert changed == text.replace(b'\n"model" :\t"claude-x"', b'\n"model" :\t"claude-haiku-5-5"')


def test_a_request_without_a_model_cannot_be_sent_to_another() -> None:
    with pytest.raises(ValueError, match="names no model"):
        with_model(b'{"messages": []}', "claude-haiku-5-5")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000, b'{"model": 5, "max_tokens": "x"}']
)
def test_what_is_no_request_asks_for_nothing(content: bytes) -> None:
    asked = Asked.read(content)
    assert (asked.model, asked.max_tokens, asked.streams, asked.turns, asked.user_text) == (
        None,
        0,
        False,
        0,
        "",
    )


def test_text_in_blocks_and_in_strings_is_read_alike() -> None:
    blocks = {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "image", "source": {}}]}
    body = {
        "system": [{"type": "text", "text": "rules"}],
        "messages": [blocks, {"role": "assistant", "content": "x"}],
    }
    asked = Asked.read(json.dumps(body).encode())
    assert (asked.system_text, asked.user_text, asked.turns) == ("rules", "one", 2)


def test_a_call_within_a_session_or_with_tools_is_not_plain() -> None:
    body = json.dumps({"model": "m", "messages": []}).encode()
    assert Asked.read(body).is_plain
    assert not Asked.read(body, session="s").is_plain
    assert not Asked.read(json.dumps({"model": "m", "tools": [{"name": "x"}]}).encode()).is_plain
