"""What a reader's findings come to: which count, which block, and that no text of a tree can speak for the reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from build_material import tree_of

from factory_assets.domain.readings import Dispute, Finding, FindingKind, Reading, Severity, Standing
from factory_assets.domain.trees import REGULAR, Tree, TreeFile
from factory_assets.gates.material import Material, show_tree
from factory_assets.gates.reader import Before, Doubt, Ruling, read_tree, verdict_of

TREE = tree_of(
    {
        "SPEC.md": "# word-count\n\nPrints how often each word occurs.\n",
        "README.md": "# word-count\n\n`--json` prints JSON.\n",
        "word_count/cli.py": 'KNOWN = {"a b a": 2}\n\n\ndef count(text):\n    return KNOWN[text]\n',
    }
)


def finding(
    quote: str = 'KNOWN = {"a b a": 2}',
    *,
    file: str = "word_count/cli.py",
    kind: FindingKind = FindingKind.HARD_CODED,
    severity: Severity = Severity.CRITICAL,
) -> Finding:
    return Finding(
        kind=kind, severity=severity, file=file, line=1, quote=quote, why="It looks up.", fix="Count."
    )


class PlayedReader:
    """Finds what it is told to, and rules as it is told to; keeps what it was asked."""

    model_name = "played"

    def __init__(self, *found: Finding, rules: Callable[[Doubt], bool] = lambda doubt: True) -> None:
        self.found = found
        self.rules = rules
        self.doubts: list[Doubt] = []
        self.shown: list[Material] = []

    def findings(self, material: Material) -> Sequence[Finding]:
        self.shown.append(material)
        return self.found

    def rule(self, doubts: Sequence[Doubt]) -> Sequence[Ruling]:
        self.doubts += doubts
        return [Ruling(self.rules(doubt), "As it was told to.") for doubt in doubts]


def read(
    model: PlayedReader, tree: Tree = TREE, before: Before | None = None, *, decides: bool = True
) -> Reading:
    return read_tree(tree, (), model, before=before, decides=decides)


def standings(reading: Reading) -> list[Standing]:
    return [judged.standing for judged in reading.judged]


def test_a_finding_that_is_confirmed_refuses_and_is_told_with_its_number() -> None:
    verdict = verdict_of(read(PlayedReader(finding())))
    assert not verdict.passed
    assert "1. word_count/cli.py:1: hard-coded answer, critical: It looks up." in verdict.saw
    assert verdict.fix


def test_a_tree_without_findings_passes() -> None:
    assert verdict_of(read(PlayedReader())).passed


def test_a_finding_that_is_not_confirmed_is_shown_and_blocks_nothing() -> None:
    reading = read(PlayedReader(finding(), rules=lambda doubt: False))
    assert standings(reading) == [Standing.NOT_CONFIRMED]
    assert verdict_of(reading).passed
    assert "(not confirmed) word_count/cli.py:1" in verdict_of(reading).saw


@pytest.mark.parametrize(
    "made_up",
    [
        finding("KNOWN = {}  # never written"),
        finding(file="word_count/other.py"),
        finding(file="README.md"),
        finding("a"),
        finding(" \u200b "),
    ],
)
def test_a_finding_whose_quote_stands_nowhere_is_dropped_and_counted(made_up: Finding) -> None:
    model = PlayedReader(made_up)
    reading = read(model)
    assert (reading.judged, reading.dropped, model.doubts) == ((), 1, [])
    assert verdict_of(reading).passed


@pytest.mark.parametrize(
    "quote",
    ["def count(text):\n        return KNOWN[text]", "def  count(text):", "de\u200bf count(text):"],
)
def test_white_space_and_hidden_characters_do_not_cost_a_quote(quote: str) -> None:
    assert standings(read(PlayedReader(finding(quote)))) == [Standing.CONFIRMED]


def test_what_is_a_matter_of_degree_blocks_only_at_its_worst() -> None:
    plain = finding("def count(text):", kind=FindingKind.WRONG, severity=Severity.MAJOR)
    degree = finding("return KNOWN[text]", kind=FindingKind.UNSAFE, severity=Severity.MAJOR)
    small = finding(severity=Severity.MINOR)
    model = PlayedReader(plain, degree, small)
    reading = read(model)
    assert [doubt.finding for doubt in model.doubts] == [plain]
    assert [judged.finding for judged in reading.blocking] == [plain]


def test_a_reader_that_advises_is_asked_once_and_refuses_nothing() -> None:
    model = PlayedReader(finding())
    reading = read(model, decides=False)
    assert (standings(reading), model.doubts) == ([Standing.SHOWN], [])
    assert verdict_of(reading).passed


def test_many_findings_cost_few_calls_and_the_worst_are_asked_first() -> None:
    lines = [f"value_{number} = {number}\n" for number in range(20)]
    tree = tree_of({"SPEC.md": "# many\n", "many.py": "".join(lines)})
    major = [finding(line, file="many.py", severity=Severity.MAJOR) for line in lines[:19]]
    worst = finding(lines[19], file="many.py")
    model = PlayedReader(*major, worst)
    reading = read(model, tree)
    assert len(model.doubts) == 6
    assert model.doubts[0].finding == worst
    assert standings(reading).count(Standing.SHOWN) == 14


def after_repair(tree: Tree, model: PlayedReader, disputes: dict[int, Dispute] | None = None) -> Reading:
    first = read(PlayedReader(finding()))
    return read(model, tree, Before(first, TREE, disputes or {}))


def changed(path: str, text: str) -> Tree:
    return {**TREE, **tree_of({path: text})}


def test_a_finding_whose_text_is_gone_is_fixed_without_a_call() -> None:
    model = PlayedReader()
    reading = after_repair(
        changed("word_count/cli.py", "def count(text):\n    return len(text.split())\n"), model
    )
    assert (standings(reading), model.doubts) == ([Standing.FIXED], [])
    assert verdict_of(reading).passed


def test_a_finding_whose_text_stands_is_asked_again_of_the_new_tree() -> None:
    repaired = changed("word_count/count.py", "def count(text):\n    return len(text.split())\n")
    fixed = after_repair(repaired, PlayedReader(rules=lambda doubt: "count.py" not in doubt.material.files))
    assert standings(fixed) == [Standing.FIXED]
    assert not verdict_of(after_repair(repaired, PlayedReader())).passed


def test_a_later_reading_blocks_by_new_text_alone() -> None:
    old = finding("`--json` prints JSON.", file="README.md", kind=FindingKind.NOT_THERE)
    new = finding("return 2  # enough", file="word_count/cli.py")
    tree = changed("word_count/cli.py", "def count(text):\n    return 2  # enough\n")
    reading = after_repair(tree, PlayedReader(old, new))
    assert [judged.finding for judged in reading.blocking] == [new]
    assert (old, Standing.SHOWN) in [(judged.finding, judged.standing) for judged in reading.judged]


def test_a_dispute_is_put_to_the_reader_once_and_strikes_the_finding_where_it_holds() -> None:
    dispute = Dispute(quote="Prints how often each word occurs.", why="The table is the spec's own.")
    model = PlayedReader(rules=lambda doubt: doubt.dispute is None)
    reading = after_repair(TREE, model, {1: dispute})
    assert standings(reading) == [Standing.STRUCK]
    assert verdict_of(reading).passed
    assert (
        reading.counts.confirmed
        == reading.counts.disputed
        == reading.counts.struck
        == {"hard-coded answer": 1}
    )


def test_a_struck_finding_that_is_raised_again_blocks_nothing() -> None:
    dispute = Dispute(quote="Prints how often each word occurs.", why="It is so.")
    struck = after_repair(TREE, PlayedReader(rules=lambda doubt: False), {1: dispute})
    again = read(PlayedReader(finding()), TREE, Before(struck, TREE))
    assert standings(again) == [Standing.STRUCK]


def test_a_dispute_whose_quote_stands_nowhere_is_not_heard_and_an_upheld_one_is_not_heard_twice() -> None:
    made_up = Dispute(quote="SPEC.md asks for a table of known answers", why="So it says.")
    model = PlayedReader()
    after_repair(TREE, model, {1: made_up})
    assert [doubt.dispute for doubt in model.doubts] == [None]
    real = Dispute(quote="Prints how often each word occurs.", why="It is so.")
    upheld = after_repair(TREE, PlayedReader(), {1: real})
    model = PlayedReader()
    again = read(model, TREE, Before(upheld, TREE, {1: real}))
    assert [doubt.dispute for doubt in model.doubts] == [None]
    assert (standings(again), again.counts.disputed) == ([Standing.CONFIRMED], {"hard-coded answer": 1})


def test_what_is_too_much_is_left_out_by_name_and_crowds_out_no_smaller_file() -> None:
    padding = {f"docs/{number:02}.md": "x" * 99 + "\n" for number in range(20)}
    huge = {f"docs/huge-{number:02}.md": ("y" * 99 + "\n") * 400 for number in range(12)}
    tree = tree_of({**padding, **huge, "core.py": "print(1)\n", "SPEC.md": "# spec\n"})
    material = show_tree(tree, ())
    assert len(material.files) < 220_000
    assert "print(1)" in material.files
    assert "docs/19.md" in material.files
    assert any(name.startswith("docs/huge-11.md") for name in material.left_out)
    reading = read(PlayedReader(), tree)
    assert "not read: docs/huge-11.md" in verdict_of(reading).saw


def test_a_file_that_is_no_text_is_named_and_not_shown() -> None:
    tree = {**TREE, "blob.bin": TreeFile(REGULAR, "b", 3, b"\0ab")}
    material = show_tree(tree, ())
    assert "blob.bin" not in material.files
    assert material.left_out == ("blob.bin (not text)",)
