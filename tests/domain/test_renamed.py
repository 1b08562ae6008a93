"""What earlier versions wrote under another name is read as what it is called today."""

from __future__ import annotations

import pytest

from factory_assets.building.failure import Failure, read_failure
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.readings import Finding, Standing


def test_a_failure_that_git_keeps_says_what_to_do_under_its_old_name() -> None:
    written = Failure(
        by="gate",
        queued_at="2026-06-20T12:00:00Z",
        what="",
        where="",
        fix="Look at the log.",
        verdicts=(
            GateVerdict(gate="tests-pass", phase=Phase.REVIEW, passed=False, saw="", fix="Fix the code."),
        ),
    )
    text = written.model_dump_json()
    assert '"mend"' not in text
    read = read_failure(text.replace('"fix"', '"mend"'), written.queued_at)
    assert read == written


def test_a_finding_is_read_under_the_old_name_and_asked_for_under_the_new_one() -> None:
    told = {
        "severity": "major",
        "kind": "wrong against the spec",
        "file": "a",
        "line": 1,
        "quote": "b",
        "why": "c",
    }
    assert Finding.model_validate({**told, "mend": "d"}) == Finding.model_validate({**told, "fix": "d"})
    assert "fix" in Finding.model_json_schema()["required"]


@pytest.mark.parametrize("word", ["mended", "fixed"])
def test_a_finding_that_was_fixed_is_read_as_fixed(word: str) -> None:
    assert Standing(word) is Standing.FIXED


def test_a_word_that_no_version_wrote_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a valid Standing"):
        Standing("melded")
