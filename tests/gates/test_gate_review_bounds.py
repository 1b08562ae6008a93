"""A review fixes: it takes no test away, changes no interface, and rewrites nothing."""

from __future__ import annotations

import pytest
from build_material import BASH_FILES, PYTHON_FILES, tree_of

from factory_assets.domain.specs import Language
from factory_assets.gates.interfaces import public_interface
from factory_assets.gates.review_bounds import judge_review
from factory_assets.gates.written import written_tests as inventory

GO, PYTHON, TS, BASH, RUST = (
    Language.GO,
    Language.PYTHON,
    Language.TYPESCRIPT,
    Language.BASH,
    Language.RUST,
)
COMMON = {"Makefile": "test:\n\ttrue\n", "SPEC.md": "# Spec\n", "LICENSE": "MIT\n", "README.md": "# A\n"}

REPOS = {
    PYTHON: {**PYTHON_FILES, **COMMON, "pyproject.toml": "[project]\n"},
    BASH: {**BASH_FILES, **COMMON, ".shellcheckrc": "shell=bash\n"},
    GO: {
        **COMMON,
        "go.mod": "module github.com/a/count\n",
        "count/count.go": """package count

import "strings"

// Counter counts.
type Counter struct{ total int }

// Count says how many words a text has.
func Count(text string) (int, error) {
	return len(strings.Fields(text)), nil
}

// Add adds a text.
func (c *Counter) Add(text string) {
	c.total += len(strings.Fields(text))
}

func helper(a int) int { return a }
""",
        "main.go": """package main

import "flag"

func main() {
	top := flag.Int("top", 10, "how many")
	flag.Parse()
	println(*top)
}
""",
        "count/count_test.go": """package count

import "testing"

func TestCount(t *testing.T) {
	if got, _ := Count("a b"); got != 2 {
		t.Errorf("got %d", got)
	}
}

func TestAdd(t *testing.T) {
	for _, c := range []struct{ in string }{{"a {"}} {
		c := c
		t.Run(c.in, func(t *testing.T) {
			t.Fatal("no")
		})
	}
}
""",
    },
    TS: {
        **COMMON,
        "package.json": "{}",
        "src/index.ts": """export interface Finding { line: number }
export type Name = string;
export function count(text: string, top = 10): number {
  return text.split(' ').length + top;
}
export const twice = (text: string): number => {
  return count(text) * 2;
};
export class Counter {
  private total = 0;
  add(text: string): void {
    if (text) {
      this.total += count(text);
    }
  }
}
function helper(): number { return 1; }
if (process.argv[2] === '--json') { helper(); }
""",
        "tests/count.test.ts": """import { test } from 'node:test';
import assert from 'node:assert/strict';
test('words are counted', () => {
  assert.equal(count('a b'), 2);
});
test('nothing has no words', async () => {
  assert.equal(count(''), 0);
});
""",
    },
    RUST: {
        **COMMON,
        "Cargo.toml": "[package]\n",
        "src/lib.rs": """//! Counts.

pub struct Counter { pub total: usize }

impl Counter {
    pub fn add(&mut self, text: &str) -> usize {
        self.total += text.split(' ').count();
        self.total
    }
}

pub fn count(text: &str) -> usize {
    text.split_whitespace().count()
}

fn helper(c: char) -> bool { c == '{' }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted() {
        assert_eq!(count("a b"), 2);
    }

    #[test]
    #[should_panic]
    fn nothing_panics() {
        count("").checked_sub(1).unwrap();
    }
}
""",
    },
}
MAIN_TEST = {
    PYTHON: "tests/test_count.py",
    BASH: "tests/test_count.sh",
    GO: "count/count_test.go",
    TS: "tests/count.test.ts",
    RUST: "src/lib.rs",
}


def judge(language, path, old, new, *, count=1):
    before = REPOS[language]
    assert old in before.get(path, ""), path
    changed = {path: before.get(path, "").replace(old, new, count)}
    return judge_review(language, built=tree_of(before), tree=tree_of(before | changed))


@pytest.mark.parametrize("language", list(Language))
def test_a_review_that_changes_nothing_or_only_documents_passes(language):
    built = tree_of(REPOS[language])
    assert judge_review(language, built=built, tree=built).passed
    more = tree_of(
        {"README.md": "# B\n", "provenance.json": "{}", "Cargo.lock": "x", "package-lock.json": "{}"}
    )
    assert judge_review(language, built=built, tree=built | more).passed


REMOVED = [
    (PYTHON, "def test_nothing_has", "def no_test_nothing_has", "test_nothing_has_no_words was removed"),
    (BASH, 'check "no words" "$(printf \'\' | count_words)" 0\n', "", "the test no words was removed"),
    (GO, "func TestCount(t *testing.T) {", "func testCount(t *testing.T) {\n\tt.Log(1)", "TestCount was removed"),
    (TS, "test('nothing has no words', async () => {\n  assert.equal(count(''), 0);\n});\n", "", "no words was"),
    (RUST, '    #[test]\n    fn words_are_counted() {\n        assert_eq!(count("a b"), 2);\n    }\n', "",
     "words_are_counted was removed"),
]  # fmt: skip
SKIPPED = [
    (PYTHON, "def test_nothing", "import pytest\n\n\n@pytest.mark.skip\ndef test_nothing"),
    (PYTHON, "def test_nothing", "@pytest.mark.xfail(reason='x')\ndef test_nothing"),
    (PYTHON, "    assert not count", "    pytest.skip('x')\n    assert not count"),
    (PYTHON, "    assert not count", "    return\n    assert not count"),
    (PYTHON, "def test_words", "pytestmark = pytest.mark.skip\n\n\ndef test_words"),
    (GO, "\tif got, _", "\tt.Skip()\n\tif got, _"),
    (GO, "package count\n", "//go:build ignore\n\npackage count\n"),
    (BASH, 'echo "ok $number - $1"', 'echo "ok $number - $1 # SKIP"'),
    (TS, "test('words are counted', ()", "test.skip('words are counted', ()"),
    (TS, "test('words are counted', ()", "test('words are counted', { skip: true }, ()"),
    (RUST, "    #[test]\n    fn words", "    #[test]\n    #[ignore]\n    fn words"),
    (RUST, "    fn words_are_counted() {\n", "    fn words_are_counted() {\n        return;\n"),
    (RUST, "#[cfg(test)]\nmod tests", '#[cfg(test)]\n#[cfg(feature = "slow")]\nmod tests'),
]
EMPTIED = [
    (PYTHON, '    assert count("a b a")["a"] == 2', "    assert True"),
    (PYTHON, '    assert count("a b a")["a"] == 2', '    count("a b a")'),
    (PYTHON, '    assert count("a b a")["a"] == 2', "    assert 1 == 1, count"),
    (BASH, "\"$(echo 'a b' | count_words)\" 2", "2 2"),
    (BASH, 'if [[ "$2" == "$3" ]]; then', "if true; then"),
    (GO, "\tif got, _ := Count(\"a b\"); got != 2 {\n\t\tt.Errorf(\"got %d\", got)\n\t}", "\tCount(\"a b\")"),
    (GO, "if got, _ := Count(\"a b\"); got != 2 {\n\t\tt.Errorf(\"got %d\", got)\n\t}", "_ = Check(\"a b\")"),
    (TS, "assert.equal(count('a b'), 2)", "count('a b')"),
    (TS, "assert.equal(count('a b'), 2)", "assert.ok(true)"),
    (RUST, 'assert_eq!(count("a b"), 2)', 'count("a b")'),
    (RUST, 'assert_eq!(count("a b"), 2)', "assert!(true)"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "old", "new", "seen"), REMOVED)
def test_a_removed_test_is_named_and_shown_as_a_diff(language, old, new, seen):
    verdict = judge(language, MAIN_TEST[language], old, new)
    assert not verdict.passed
    assert seen in verdict.saw
    assert f"--- a/{MAIN_TEST[language]}" in verdict.saw


@pytest.mark.parametrize(("language", "old", "new"), SKIPPED)
def test_a_newly_skipped_test_is_refused(language, old, new):
    verdict = judge(language, MAIN_TEST[language], old, new)
    assert not verdict.passed
    assert "is skipped now" in verdict.saw


@pytest.mark.parametrize(("language", "old", "new"), EMPTIED)
def test_a_test_or_helper_that_asserts_nothing_any_more_is_refused(language, old, new):
    verdict = judge(language, MAIN_TEST[language], old, new)
    assert not verdict.passed
    assert "asserts nothing any more" in verdict.saw


def test_tests_may_be_added_fixed_renamed_and_moved():
    more = 'def test_three():\n    assert count("a b c")\n\n\ndef test_nothing'
    assert judge(PYTHON, MAIN_TEST[PYTHON], "def test_nothing", more).passed
    assert judge(PYTHON, MAIN_TEST[PYTHON], '["a"] == 2', '["b"] == 1').passed
    assert judge(PYTHON, MAIN_TEST[PYTHON], "def test_nothing_has", "def test_an_empty_text_has").passed
    renamed = judge(TS, MAIN_TEST[TS], "test('words are counted'", "test('two words are two'")
    assert renamed.passed, renamed.saw
    both = REPOS[PYTHON][MAIN_TEST[PYTHON]].replace(
        "def test_nothing_has_no_words", "def test_an_empty_text_has_none"
    )
    both = both.replace('assert not count(" ")', 'assert not count(" \\t\\n")')
    changed = tree_of(REPOS[PYTHON] | {MAIN_TEST[PYTHON]: both})
    verdict = judge_review(PYTHON, built=tree_of(REPOS[PYTHON]), tree=changed)
    assert verdict.passed, verdict.saw
    before = REPOS[PYTHON]
    moved = {k: v for k, v in before.items() if k != "tests/test_count.py"}
    moved["tests/test_cli.py"] = before["tests/test_count.py"]
    assert judge_review(PYTHON, built=tree_of(before), tree=tree_of(moved)).passed


def test_another_test_in_the_place_of_a_removed_one_is_no_better_name():
    path = MAIN_TEST[PYTHON]
    text = REPOS[PYTHON][path]
    start, end = text.index("def test_words"), text.index("def test_nothing")
    other = (
        text[:start] + "def test_import():\n    import word_count\n    assert word_count\n\n\n" + text[end:]
    )
    saw = judge_review(PYTHON, built=tree_of(REPOS[PYTHON]), tree=tree_of(REPOS[PYTHON] | {path: other})).saw
    assert "was removed" in saw


def test_a_deleted_test_file_is_refused():
    built = tree_of(REPOS[PYTHON])
    without = {path: file for path, file in built.items() if path != "tests/test_count.py"}
    assert judge_review(PYTHON, built=built, tree=without).saw.count("was removed") == 3


def test_hooks_that_choose_tests_and_only_are_refused():
    built = tree_of(REPOS[PYTHON])
    hook = tree_of({"tests/conftest.py": "def pytest_collection_modifyitems(items):\n    items.clear()\n"})
    assert "pytest_collection_modifyitems is new" in judge_review(PYTHON, built=built, tree=built | hook).saw
    fixture = tree_of({"tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef a():\n    return 1\n"})
    assert judge_review(PYTHON, built=built, tree=built | fixture).passed
    named = "def pytest_is_there():\n    return True\n\n\ndef test_nothing"
    assert judge(PYTHON, MAIN_TEST[PYTHON], "def test_nothing", named).passed
    assert "only is new" in judge(TS, MAIN_TEST[TS], "test('words", "test.only('words").saw


CLI, GO_COUNT, INDEX, LIB = "word_count/cli.py", "count/count.go", "src/index.ts", "src/lib.rs"
INTERFACE = [
    (PYTHON, CLI, "def count(text: str)", "def tally(text: str)", "cli.py: count is gone"),
    (PYTHON, CLI, "def count(text: str)", "def count(text: str, top: int)", "was def(text) and is def(text, top)"),
    (PYTHON, CLI, "def main(", "def extra() -> int:\n    return 1\n\n\ndef main(", "cli.py: extra is new"),
    (PYTHON, CLI, '"--top"', '"--most"', "option --top is gone"),
    (GO, GO_COUNT, "func Count(", "func Tally(", "count: Count is gone"),
    (GO, GO_COUNT, "func Count(text string)", "func Count(text []byte)", "was (text string) (int, error) and is"),
    (GO, GO_COUNT, "Add(text string)", "Add(text string, n int)", "count: Counter.Add was"),
    (GO, GO_COUNT, "func helper(", "func Helper(", "count: Helper is new"),
    (GO, "main.go", '"top"', '"most"', "option --top is gone"),
    (TS, INDEX, "export function count(", "export function tally(", "src/index.ts: count is gone"),
    (TS, INDEX, "(text: string, top = 10)", "(text: string[])", "src/index.ts: count was"),
    (TS, INDEX, "twice = (text: string)", "twice = (text: string, n: number)", "src/index.ts: twice was"),
    (TS, INDEX, "function helper", "export function helper", "src/index.ts: helper is new"),
    (TS, INDEX, "  add(", "  include(", "src/index.ts: Counter.add is gone"),
    (TS, INDEX, "'--json'", "'--table'", "option --json is gone"),
    (RUST, LIB, "pub fn count(", "pub fn tally(", "src/lib.rs: count is gone"),
    (RUST, LIB, "text: &str) -> usize {\n        self", "text: String) -> usize {\n        self", "Counter::add was"),
    (RUST, LIB, "fn helper(", "pub fn helper(", "src/lib.rs: helper is new"),
    (PYTHON, CLI, "def count(text: str)", "async def count(text: str)", "was def(text) and is async def(text)"),
    (PYTHON, CLI, "def count(text: str)", "def count(text: str = '', *, n=1)", "is def(text=..., *, n=...)"),
    (GO, GO_COUNT, "type Counter struct{", "type Total struct{", "count: Counter is gone"),
    (TS, INDEX, "export type Name", "type Name", "src/index.ts: Name is gone"),
    (TS, INDEX, "function helper", "export { helper as extra };\nfunction helper", "src/index.ts: extra is new"),
    (RUST, LIB, "impl Counter", "impl Default for Counter", "src/lib.rs: Default for Counter::add is new"),
    (BASH, "lib/count.sh", "count_words()", "count_all()", "lib/count.sh: count_words is gone"),
    (BASH, "bin/word-count", "-h | --help)", "-h | --help | --json)", "option --json is new"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "path", "old", "new", "seen"), INTERFACE)
def test_a_changed_public_interface_is_refused(language, path, old, new, seen):
    verdict = judge(language, path, old, new)
    assert not verdict.passed
    assert seen in verdict.saw, verdict.saw


FIXED = [
    (PYTHON, CLI, "text.lower().split()", "text.casefold().split()"),
    (PYTHON, CLI, "def main(", "def _extra() -> int:\n    return 1\n\n\ndef main("),
    (PYTHON, CLI, "def count(text: str) -> Counter[str]", 'def count(text: "str") -> "Counter[str]"'),
    (GO, GO_COUNT, "func helper(a int) int", "func helper(a, b int) int"),
    (TS, INDEX, "function helper(): number { return 1; }", "function other(): number { return 2; }"),
    (RUST, LIB, "fn helper(c: char)", "fn other(c: char)"),
    (RUST, LIB, "fn helper(", "pub(crate) fn helper("),
    (TS, INDEX, "  add(", "  private sum(): number { return 1; }\n  add("),
    (TS, INDEX, "helper(); }", "console.log('--not an option'); helper(); }"),
    (BASH, "lib/count.sh", "count_words() {", "_trim() { tr -d ' '; }\n\ncount_words() {"),
]


@pytest.mark.parametrize(("language", "path", "old", "new"), FIXED)
def test_a_small_fix_and_a_private_helper_pass(language, path, old, new):
    verdict = judge(language, path, old, new)
    assert verdict.passed, verdict.saw


def numbered(count, word):
    return "".join(f"    {word}_{number} = {number}\n" for number in range(count))


@pytest.mark.parametrize(
    ("lines", "changed", "passed"), [(20, 15, True), (20, 16, False), (100, 40, True), (100, 45, False)]
)
def test_only_a_share_of_the_source_lines_may_change(lines, changed, passed):
    head, files = "def run():\n", REPOS[PYTHON]
    built = {"a/b.py": head + numbered(lines, "x"), "tests/test_count.py": files["tests/test_count.py"]}
    new = head + numbered(changed, "y") + "".join(numbered(lines, "x").splitlines(keepends=True)[changed:])
    verdict = judge_review(PYTHON, built=tree_of(built), tree=tree_of(built | {"a/b.py": new}))
    assert verdict.passed is passed, verdict.saw
    assert (f"{changed} of {lines + 1} source lines" in verdict.saw) or passed


def test_a_file_that_is_written_anew_is_refused_however_small_its_part():
    built = {"a/b.py": "def run():\n" + numbered(24, "x"), "a/c.py": "def go():\n" + numbered(60, "z")}
    anew = tree_of(built | {"a/b.py": "def run():\n" + numbered(24, "y")})
    saw = judge_review(PYTHON, built=tree_of(built), tree=anew).saw
    assert "a/b.py was written anew: 1 of its 25 lines are left" in saw


def test_a_long_diff_is_cut_and_counted():
    built = {"a/b.py": "def run():\n" + numbered(400, "x")}
    saw = judge_review(
        PYTHON, built=tree_of(built), tree=tree_of({"a/b.py": "def run():\n" + numbered(400, "y")})
    ).saw
    assert "… and " in saw
    assert len(saw.splitlines()) < 70


@pytest.mark.parametrize("language", list(Language))
def test_tests_and_interfaces_of_every_language_are_read(language):
    tree = tree_of(REPOS[language])
    tests = [test for test in inventory(language, tree) if not test.is_helper]
    assert len(tests) >= 2
    assert all(test.asserts > 0 and not test.skipped for test in tests)
    assert public_interface(language, tree)


def test_a_group_of_tests_that_is_switched_off_is_refused_with_all_in_it():
    path, text = MAIN_TEST[TS], REPOS[TS][MAIN_TEST[TS]]
    head, _, tests = text.partition("test('words")
    grouped = f"{head}describe('count', () => {{\ntest('words{tests}}});\n"
    built = tree_of(REPOS[TS] | {path: grouped})
    assert judge_review(TS, built=built, tree=built).passed
    off = tree_of(REPOS[TS] | {path: grouped.replace("describe(", "describe.skip(")})
    assert judge_review(TS, built=built, tree=off).saw.count("is skipped now") == 2


def test_an_example_of_go_is_a_test_by_its_output():
    path, text = MAIN_TEST[GO], REPOS[GO][MAIN_TEST[GO]]
    example = '\nfunc ExampleCount() {\n\tfmt.Println(Count("a b"))\n\t// Output: 2 <nil>\n}\n'
    built = tree_of(REPOS[GO] | {path: text + example})
    without = tree_of(REPOS[GO] | {path: text + example.replace("\t// Output: 2 <nil>\n", "")})
    assert judge_review(GO, built=built, tree=built).passed
    assert "ExampleCount asserts nothing any more" in judge_review(GO, built=built, tree=without).saw


def test_a_fixture_is_no_test_and_a_file_nested_without_end_holds_none():
    fixture = "import pytest\n\n@pytest.fixture\ndef test_data(): return 1\n"
    (found,) = inventory(PYTHON, tree_of({"tests/test_a.py": fixture}))
    assert found.is_helper
    for text in ("(" * 100_000, "-" * 100_000 + "1", "x = 1\n\0"):
        assert inventory(PYTHON, tree_of({"tests/test_a.py": text})) == ()
