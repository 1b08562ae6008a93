"""The facts of a source are the same kinds in every language, and no source is so bad that it stops the judge."""

from __future__ import annotations

import itertools
import time

import pytest
from corpus_cases import corpus

from factory_assets.domain.specs import Language
from factory_assets.languages import LANGUAGES, parsing
from factory_assets.languages.facts import read_facts
from factory_assets.languages.parts import inside

SOURCES = {
    Language.PYTHON: """def helper(x):
    # Looks nothing up.
    return x


class Counter(Base):
    '''Counts.'''

    @property
    def total(self) -> int:
        '''The sum.'''
        return helper("sum")
""",
    Language.GO: """package count

// helper gives back what it gets.
func helper(x int) int { return x }

// Total is the sum.
func (c *Counter[T]) Total() int {
	// in memory
	return helper(len("sum"))
}
""",
    Language.TYPESCRIPT: """const helper = (x: string): number => x.length; // short

export class Counter extends Base implements Sum {
  /** The sum. */
  @logged
  total(): number {
    return helper("sum");
  }
}
""",
    Language.RUST: """fn helper(x: &str) -> usize { x.len() }

impl Sum for Counter {
    /// The sum.
    #[inline]
    fn total(&self) -> usize {
        helper("sum")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn adds() { assert_eq!(total(), 3); }
}
""",
    Language.BASH: """helper() { printf '%s' "$1"; }

# The sum.
total() {
  helper "sum"
}
""",
}


@pytest.mark.parametrize("language", list(Language))
def test_a_source_gives_its_functions_with_what_they_call_and_say(language):
    facts = read_facts(language, SOURCES[language])
    by_name = {function.name.lower(): function for function in facts.functions}
    helper, total = by_name["helper"], by_name["total"]
    assert not facts.faults
    assert "sum." in total.doc.lower()
    assert "helper" in {call.name for call in inside(facts.calls, total)}
    assert len(total.statements) == len(helper.statements) == 1
    assert "helper" in total.statements[0]
    assert "sum" in {part.text.strip("\"'") for part in facts.strings}
    assert SOURCES[language].splitlines()[total.line - 1].lower().count("total") == 1
    if language is not Language.BASH:
        assert total.owner
        assert total.owner.name == "Counter"
        assert helper.owner is None


@pytest.mark.parametrize("language", list(Language))
def test_blanked_code_keeps_its_lines_and_loses_comments_and_strings(language):
    facts = read_facts(language, SOURCES[language])
    code = facts.code.splitlines()
    assert [len(line) for line in code] == [len(line) for line in SOURCES[language].splitlines()]
    assert "sum" not in facts.code.replace("Sum", "")
    assert "helper" in facts.code


def test_marks_bases_modules_and_visibility_are_told():
    python, rust, typescript, go = (
        {function.name: function for function in read_facts(language, SOURCES[language]).functions}
        for language in (Language.PYTHON, Language.RUST, Language.TYPESCRIPT, Language.GO)
    )
    assert python["total"].marks == ("@property",)
    assert python["total"].returns == "int"
    assert python["total"].owner.bases == ("Base",)
    assert rust["total"].marks == ("#[inline]",)
    assert rust["total"].owner.bases == ("Sum",)
    assert rust["adds"].modules == ("tests",)
    assert rust["adds"].is_test_code
    assert not rust["total"].is_test_code
    assert typescript["total"].owner.bases == ("Base", "Sum")
    assert typescript["total"].marks == ("@logged",)
    assert go["Total"].is_public
    assert not go["helper"].is_public


def test_names_that_are_handed_on_and_results_that_are_used_are_told_apart():
    facts = read_facts(
        Language.PYTHON, "def a(): pass\ndef b(): pass\nrun(a)\nx = b()\na()\n{'key': b}\nimport c\n"
    )
    assert facts.passed == {"a"}
    assert facts.valued == {"b"}
    shell = read_facts(Language.BASH, 'a() { :; }\nb() { :; }\ntrap a EXIT\necho "$(b)"\na\n')
    assert "a" in shell.passed
    assert shell.valued == {"b"}


GOOD = [
    (case.language, path, text)
    for case in corpus()
    if case.is_good and case.base is None
    for path, text in case.case.build.write.items()
    if path.endswith((*LANGUAGES[case.language].source_suffixes, ".bats")) or path.startswith("bin/")
]


def test_every_source_and_test_of_the_good_builds_parses_and_holds_functions():
    assert len(GOOD) > 40
    assert {language for language, _, _ in GOOD} == set(Language)
    faults = {path: found for language, path, text in GOOD if (found := read_facts(language, text).faults)}
    assert not faults
    told = [path for language, path, text in GOOD if read_facts(language, text).functions]
    assert len(told) > len(GOOD) // 2


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("share", [3, 7, 50])
def test_half_a_source_gives_what_it_holds_and_a_fault_with_its_line(language, share):
    text = SOURCES[language]
    cut = text[: len(text) * share // 100] + "\n(((\n"
    facts = read_facts(language, cut)
    assert facts.faults
    assert all(1 <= line <= cut.count("\n") + 1 and reason for line, reason in facts.faults)


HOSTILE = {
    "a NUL byte in every place": "\0" * 300_000,
    "two megabytes of brackets": "[]" * 1_000_000,
    "two megabytes of opening brackets": "(" * 2_000_000,
    "quotes": '"' * 100_001,
    "heads without bodies": "f(" * 100_000,
    "nested calls": "f(" * 20_000 + ")" * 20_000,
    "nested blocks": "{" * 20_000 + "}" * 20_000,
    "nested functions": "function f() {" * 5_000 + "}" * 5_000,
    "nested expansions": "${" * 50_000,
    "nested Rust modules": "mod a { fn b() {} " * 7_000,
    "nested Python functions": "".join(" " * depth + f"def f{depth}():\n" for depth in range(510))
    + " " * 510
    + "x()",
    "here documents": "<<E " * 50_000,
    "notes without end": "/*" * 100_000,
    "marks without end": "@a\n" * 20_000 + "#[a]\n" * 20_000,
    "broken characters": "\ud800\udfff\ufeff\u202e" * 10_000,
    "a long list": "x = [" + "1, " * 100_000 + "]",
    "many statements": "a\n" * 50_000,
    "many comments": "# a\n" * 50_000 + "// b\n" * 30_000,
    "test modules": "#[cfg(test)] mod a { fn b() {} }\n" * 5_000,
    "many bases": f"class A({'B, ' * 20_000}): pass",
}


LANGUAGES_IN_TURN = itertools.cycle(Language)


@pytest.mark.parametrize(
    ("name", "language"), [(name, next(LANGUAGES_IN_TURN)) for name in HOSTILE for _ in range(3)]
)
def test_hostile_input_neither_stops_nor_crashes_the_reading(monkeypatch, language, name):
    monkeypatch.setattr(parsing, "MOST_SECONDS", 1.0)
    text = HOSTILE[name]
    began = time.thread_time()
    facts = read_facts(language, text)
    assert time.thread_time() - began < 10
    assert len(facts.code.splitlines()) == len(facts.source.data.decode("utf-8", "replace").splitlines())
    for function in facts.functions[:3]:
        assert function.name in function.head
        assert inside(facts.calls, function) is not None


def test_sources_that_were_read_are_kept_up_to_so_many_bytes():
    # A NUL byte, for what is refused is read in no time.
    first, *others = (f"\0{number}" * 500_000 for number in range(5))
    facts = read_facts(Language.PYTHON, first)
    assert read_facts(Language.PYTHON, first) is facts
    for text in others:
        read_facts(Language.PYTHON, text)
    assert read_facts(Language.PYTHON, others[-1]) is read_facts(Language.PYTHON, others[-1])
    assert read_facts(Language.PYTHON, first) is not facts


@pytest.mark.parametrize("language", list(Language))
def test_what_cannot_be_read_is_a_fault_and_never_an_empty_source(language):
    assert "NUL" in read_facts(language, "x = 1\n\0").faults[0][1]
