"""Redaction: what is taken out of texts, models and errors, in which forms, and what is left alone."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import httpx
import pytest

from factory_assets.domain.errors import FactoryError, InfrastructureError, RateLimitedError
from factory_assets.domain.papers import Paper
from factory_assets.domain.redaction import Redactor, is_recognisable, secrets_in_url, text_forms

SECRET = 'k3y/with+odd "signs" & ünïcode~?>'
PLAIN = "sk-ant-0123456789-abcdefghij"
redact = Redactor([SECRET, PLAIN])


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
    ],
)
def test_every_form_of_a_secret_is_taken_out(form: str) -> None:
    assert redact(f"before {form} after") == "before [secret] after"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("after", ["", "z", "zz"])
def test_base64_is_taken_out_wherever_the_secret_begins(encode, before: str, after: str) -> None:
    encoded = encode(f"{before}{SECRET}{after}".encode()).decode()
    clean = redact(encoded)
    assert "[secret]" in clean
    # No more than the characters that the neighbours share with the secret is left.
    kept = clean.split("[secret]")
    assert len(kept[0]) <= (len(before) * 8 + 5) // 6
    assert len(kept[1].rstrip("=")) <= (len(after) * 8 + 11) // 6


def test_a_secret_that_is_part_of_another_leaves_nothing_of_it() -> None:
    both = Redactor(["0123456789", "0123456789-abcdef"])
    assert both("0123456789-abcdef 0123456789") == "[secret] [secret]"


@pytest.mark.parametrize("word", ["postgres", "password", "abc1234", ""])
def test_ordinary_and_short_words_are_no_secrets_by_themselves(word: str) -> None:
    assert not is_recognisable(word)
    assert Redactor([word])(f"the {word} of it") == f"the {word} of it"


def test_without_secrets_a_text_stays_as_it_is() -> None:
    assert Redactor([])("anything") == "anything"


def test_no_form_is_short_enough_to_hit_ordinary_text() -> None:
    assert min(len(form) for form in text_forms("aB3-5678")) >= 8


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://user:p%40ssw0rd@router.example/v1", ("p%40ssw0rd", "p@ssw0rd")),
        ("https://only-a-token@router.example", ("only-a-token",)),
        ("https://router.example/v1?api_key=abc123&model=x", ("abc123",)),
        ("https://router.example/v1", ()),
    ],
)
def test_an_address_gives_away_its_passwords_and_keys(url: str, found: tuple[str, ...]) -> None:
    assert secrets_in_url(url) == found


def test_every_text_of_a_model_is_redacted() -> None:
    now = datetime(2026, 6, 17, tzinfo=UTC)
    paper = Paper(
        arxiv_id="2606.01234",
        version=1,
        title="A title",
        abstract=f"It says {SECRET} here.",
        authors=("Ann", f"Bob {PLAIN}"),
        categories=("cs.LG",),
        comment=None,
        published=now,
        updated=now,
    )
    clean = redact.model(paper)
    assert (clean.abstract, clean.authors) == ("It says [secret] here.", ("Ann", "Bob [secret]"))
    assert (clean.arxiv_id, clean.published) == (paper.arxiv_id, paper.published)


def test_a_model_without_secrets_is_not_touched() -> None:
    now = datetime(2026, 6, 17, tzinfo=UTC)
    fields = {"title": "T", "abstract": "A", "authors": (), "categories": (), "comment": None}
    paper = Paper(arxiv_id="2606.01234", version=1, published=now, updated=now, **fields)
    assert redact.model(paper) is paper


@dataclass(frozen=True)
class _Record:
    words: tuple[str, ...]
    by_name: dict[str, list[str]]
    number: int = 1


def test_every_text_within_a_value_is_redacted() -> None:
    record = _Record((f"It says {SECRET}.", "plain"), {"key": [f"and {PLAIN}"]})
    clean = redact.value([(record, {SECRET})])
    assert clean == [(_Record(("It says [secret].", "plain"), {"key": ["and [secret]"]}), {"[secret]"})]
    assert redact.value(text for text in (SECRET, "plain")) == ["[secret]", "plain"]


def test_a_value_without_secrets_is_the_very_same() -> None:
    for value in (_Record(("a",), {"b": ["c"]}), ["a", ("b",)], {"a": {"b"}}, range(3), b"bytes", 1.5, None):
        assert redact.value(value) is value


def test_what_only_two_texts_of_a_model_make_up_together_is_no_secret() -> None:
    now = datetime(2026, 6, 17, tzinfo=UTC)
    fields = {"title": "first line", "abstract": "2nd line", "authors": (), "categories": (), "comment": None}
    paper = Paper(arxiv_id="2606.01234", version=1, published=now, updated=now, **fields)
    both = Redactor(["first line\n2nd line"])
    assert both.model(paper) is paper
    assert both("first line\n2nd line") == "[secret]"


def test_an_error_keeps_its_type_and_fields_and_loses_the_secret() -> None:
    until = datetime(2026, 6, 17, tzinfo=UTC)
    with pytest.raises(RateLimitedError) as caught, redact.errors():
        raise RateLimitedError(
            f"no {PLAIN}", where=f"https://{PLAIN}@host", fix=f"change {PLAIN}", until=until
        )
    error = caught.value
    assert (error.what, error.where, error.fix) == (
        "no [secret]",
        "https://[secret]@host",
        "change [secret]",
    )
    assert (error.until, error.args) == (until, ("no [secret]",))


def test_what_led_to_an_error_holds_no_secret_either() -> None:
    cause = InfrastructureError(f"asked with {PLAIN}")
    cause.__cause__ = httpx.ConnectError(f"cannot reach https://{PLAIN}@host")
    with pytest.raises(FactoryError) as caught, redact.errors():
        raise FactoryError("It failed.") from cause
    first = caught.value.__cause__
    assert str(first) == "asked with [secret]"
    assert isinstance(first, InfrastructureError)
    assert str(first.__cause__) == "ConnectError: cannot reach https://[secret]@host"


def test_a_fault_whose_text_holds_a_secret_is_told_without_it() -> None:
    with pytest.raises(FactoryError, match=r"KeyError: '\[secret\]'") as caught, redact.errors():
        raise KeyError(PLAIN)
    assert caught.value.__suppress_context__


def test_a_fault_without_a_secret_passes_as_it_is() -> None:
    with pytest.raises(KeyError, match="harmless"), redact.errors():
        raise KeyError("harmless")
