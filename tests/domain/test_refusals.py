"""What an error of the model's API means, by its status, its kind and its words together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory_assets.domain.builds import WaitCause
from factory_assets.domain.refusals import Fault, classify, stopped_error
from factory_assets.domain.return_times import return_time

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
FORMS = yaml.safe_load((Path(__file__).parent / "model_refusals.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form['status']} {form['words'][:50]}")
def test_each_form_that_was_seen_is_told_for_what_it_is(form: dict[str, Any]) -> None:
    refusal = classify(
        status=form["status"],
        kind=form["kind"],
        words=form["words"],
        headers=form.get("headers", {}),
        now=NOW,
    )
    assert refusal.fault == form["fault"]
    until = form.get("until")
    wanted = datetime.fromisoformat(str(until)).replace(tzinfo=UTC) if until else None
    assert refusal.until == wanted


@pytest.mark.parametrize(
    ("fault", "cause", "fix"),
    [
        (Fault.CREDIT, WaitCause.CREDIT, "Add credit"),
        (Fault.ACCOUNT, WaitCause.ACCOUNT, "support"),
        (Fault.USAGE_LIMIT, WaitCause.USAGE_LIMIT, "Raise it"),
        (Fault.MODEL, WaitCause.MODEL, "FACTORY_SEO_MODEL"),
        (Fault.CREDENTIAL, WaitCause.CREDENTIAL, "ANTHROPIC_API_KEY"),
    ],
)
def test_what_holds_for_everybody_says_how_that_is_fixed(fault: Fault, cause: WaitCause, fix: str) -> None:
    refusal = next(
        found
        for form in FORMS
        if (found := classify(status=form["status"], kind=form["kind"], words=form["words"], now=NOW)).fault
        is fault
    )
    error = stopped_error(
        refusal, where="x", credential="ANTHROPIC_API_KEY", model="claude-x", setting="FACTORY_SEO_MODEL"
    )
    assert error.cause is cause
    assert fix in error.fix
    assert refusal.words.rstrip(".") in error.what
    if fault is Fault.CREDIT:
        assert "credential" not in str(error)


@pytest.mark.parametrize(
    "words",
    [
        "access again on 2026-13-45",
        "resets 99pm",
        "resets 2020-01-01",
        "usage limit reached|1000000000",
        "until 2099-01-01",
    ],
)
def test_a_time_that_cannot_be_is_no_time_to_wait_for(words: str) -> None:
    assert return_time(words, {}, NOW) is None


@pytest.mark.parametrize(
    ("words", "wait"),
    [("try again in 2h 30m", timedelta(hours=2.5)), ("Retry in 45 seconds", timedelta(seconds=45))],
)
def test_a_wait_may_be_named_by_its_length(words: str, wait: timedelta) -> None:
    assert return_time(words, {}, NOW) == NOW + wait


@pytest.mark.parametrize(
    ("header", "until"),
    [
        ("7", NOW + timedelta(seconds=7)),
        ("Sun, 29 Nov 2026 13:00:00 GMT", NOW + timedelta(hours=1)),
        ("soon", None),
    ],
)
def test_a_retry_time_may_be_seconds_or_a_date(header: str, until: datetime | None) -> None:
    assert return_time("", {"retry-after": header}, NOW) == until
