"""Provenance: what is written, what is read back, and that no agent can have written it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from provenance_material import MAKERS, PHASES, a_paper, a_spec, provenance

from factory_assets.building.provenance import (
    disagreements,
    make_provenance,
    make_tag_record,
    prompt_hashes,
    provenance_fields,
    read_provenance,
    read_tag_message,
    tag_message,
)
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import InputError
from factory_assets.domain.provenance import provenance_bytes, sha256
from factory_assets.domain.trees import REGULAR, Tree, TreeFile
from factory_assets.gates.provenance import judge_provenance

SPEC_FILE = b"# word-count\n"


def tree(**files: bytes) -> Tree:
    named = {"SPEC.md": SPEC_FILE, **{name.replace("__", "."): data for name, data in files.items()}}
    return {path: TreeFile(REGULAR, path, len(data), data) for path, data in named.items()}


def verdict(gate: str, *, passed: bool = True, saw: str = "3 files\nand more") -> GateVerdict:
    return GateVerdict(gate=gate, phase=Phase.REVIEW, passed=passed, saw=saw)


def test_the_file_names_all_that_is_known_before_the_last_gate() -> None:
    fields = json.loads(provenance_bytes(provenance(SPEC_FILE)))
    assert fields["papers"] == [
        {"id": "2606.01234", "title": "Counting Words in Streams", "url": "https://arxiv.org/abs/2606.01234"}
    ]
    assert fields["phases"] == [{"phase": phase.value, "commit": PHASES[phase]} for phase in Phase]
    assert fields["spec_sha256"] == sha256(SPEC_FILE)
    assert fields["models"]["seo"] == "haiku"
    assert fields["claude_code_version"] == "2.1.330"


def test_the_same_provenance_gives_the_same_bytes_whatever_the_order_it_was_learnt_in() -> None:
    backwards = make_provenance(
        a_spec(),
        [a_paper()],
        version="v0.1.0",
        spec_file=SPEC_FILE,
        phases=dict(reversed(PHASES.items())),
        makers=MAKERS,
    )
    assert provenance_bytes(backwards) == provenance_bytes(provenance(SPEC_FILE))
    assert provenance_bytes(backwards).endswith(b"}\n")


def test_what_is_written_is_read_back() -> None:
    written = provenance(SPEC_FILE)
    assert read_provenance(tree(provenance__json=provenance_bytes(written))) == written


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"schema_version": 1}', b'{"schema_version": 2, "name": "x"}']
)
def test_a_malformed_file_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(InputError, match=r"provenance\.json"):
        read_provenance(tree(provenance__json=content))


def test_a_field_that_nobody_knows_is_refused() -> None:
    fields = json.loads(provenance_bytes(provenance(SPEC_FILE))) | {"stars": 5}
    with pytest.raises(InputError, match="stars"):
        read_provenance(tree(provenance__json=json.dumps(fields).encode()))


def test_the_gate_passes_exactly_what_the_factory_knows() -> None:
    known = provenance(SPEC_FILE)
    judged = judge_provenance(tree(provenance__json=provenance_bytes(known)), known)
    assert judged.passed
    assert PHASES[Phase.REVIEW][:12] in judged.saw


def test_the_gate_refuses_a_forged_file_and_shows_the_difference() -> None:
    known = provenance(SPEC_FILE)
    forged = provenance_bytes(known).replace(b"haiku", b"opus")
    judged = judge_provenance(tree(provenance__json=forged), known)
    assert not judged.passed
    assert '-    "seo": "haiku"' in judged.saw
    assert '+    "seo": "opus"' in judged.saw


def test_the_gate_refuses_a_missing_file_and_an_edited_spec() -> None:
    known = provenance(b"another spec\n")
    judged = judge_provenance(tree(), known)
    assert judged.saw.splitlines() == [
        "provenance.json is missing",
        "SPEC.md is not the one that the factory wrote",
    ]


def test_the_tags_message_is_a_line_for_people_and_a_record_for_programs() -> None:
    record = make_tag_record(
        provenance(SPEC_FILE),
        commit="d" * 40,
        verdicts=[verdict("secrets", passed=False), verdict("secrets"), verdict("tests-pass")],
        tests_executed=7,
        cost_usd=0.123456,
    )
    message = tag_message(record)
    assert message.splitlines()[0] == "word-count v0.1.0: 7 tests executed, 2 of 2 gates passed"
    assert message.splitlines()[1] == ""
    assert read_tag_message(message) == record
    assert record.gates["secrets"].saw == "3 files"
    assert record.cost_usd == 0.1235


@pytest.mark.parametrize("message", ["", "v0.1.0\n", "v0.1.0\n\nno JSON\n", "v0.1.0\n\n{}\n"])
def test_a_tag_without_a_record_is_refused(message: str) -> None:
    with pytest.raises(InputError, match="tag's message"):
        read_tag_message(message)


def test_metadata_that_was_changed_is_found_by_name() -> None:
    known = provenance(SPEC_FILE)
    record = make_tag_record(known, commit="d" * 40, verdicts=[], tests_executed=7, cost_usd=0.5)
    fields = provenance_fields(known, record)
    assert disagreements(fields, dict(fields)) == ()
    shown = {**fields, "tests executed": "70"}
    del shown["model of seo"]
    assert disagreements(fields, shown) == (
        "model of seo: the repo says haiku, the metadata nothing",
        "tests executed: the repo says 7, the metadata 70",
    )


def test_prompts_are_known_by_their_templates(tmp_path: Path) -> None:
    for phase in Phase:
        (tmp_path / f"{phase}.md.j2").write_text(f"Do {phase}.\n", encoding="utf-8")
    assert prompt_hashes(tmp_path, repairs=0, is_read=False)[Phase.SEO] == sha256(b"Do seo.\n")
    (tmp_path / "seo.md.j2").unlink()
    with pytest.raises(InputError, match=r"seo\.md\.j2"):
        prompt_hashes(tmp_path, repairs=0, is_read=False)
