"""Written tests are known by the names that the runners report, and what does not run by default is not asked for."""

from __future__ import annotations

import pytest
from build_material import tree_of
from corpus_cases import corpus

from factory_assets.domain.specs import Language
from factory_assets.gates.written import named_tests, runs_nothing, takes_tests, unreported
from factory_assets.gates.written import test_counts as counts_of
from factory_assets.gates.written import test_files as files_of
from factory_assets.languages.test_runs import RunOutcome, TestCase, TestReport

NAMED = {
    "tests/test_a.py": (
        Language.PYTHON,
        ("import pytest\n\n@pytest.fixture\ndef test_data(): pass\n\ndef test_one():\n    def test_inner(): pass\n\n"
        "class TestTwo:\n    async def test_three(self): pass\n    def helper(self): pass\n\n"
        "class TestReport:\n    __test__ = False\n    def test_name(self): pass\n\n"
        "class TestMade:\n    def __init__(self): pass\n    def test_x(self): pass\n\n"
        "class Odd(unittest.TestCase):\n    def test_four(self): pass\n"),
        ["test_one", "TestTwo::test_three", "Odd::test_four"],
    ),
    "tests/test_b.py": (Language.PYTHON, "__test__ = False\ndef test_one(): pass\n", []),
    "a_test.go": (
        Language.GO,
        ("package a\n\nfunc TestMain(m *testing.M) {}\nfunc TestTable(t *testing.T) {\n\tfor range rows {\n\t}\n}\n"
        "func Testify(t *testing.T) {}\nfunc FuzzA(f *testing.F) {}\nfunc (s S) TestMethod() {}\n"
        "const text = `\nfunc TestQuoted(t *testing.T) {}\n`\n"),
        ["TestTable", "FuzzA"],
    ),
    "b_test.go": (Language.GO, "//go:build integration\n\npackage a\n\nfunc TestSlow(t *testing.T) {}\n", []),
    "a_windows_test.go": (Language.GO, "package a\n\nfunc TestSlow(t *testing.T) {}\n", []),
    "tests/a.test.ts": (
        Language.TYPESCRIPT,
        ("test('one', () => {});\nit(\"two\", async () => {});\n// test('no', () => {});\n/x/.test('three');\n"
        "test(`four ${x}`, () => {});\ntest(name, () => { test('inner', f); });\n"),
        ["one", "two", "inner"],
    ),
    "src/lib.rs": (
        Language.RUST,
        ("#[cfg(test)]\nmod tests {\n    #[test]\n    #[should_panic(expected = \"[a]\")]\n"
        "    #[ignore]\n    fn one() {}\n"
        "    #[tokio::test]\n    async fn two() {}\n    fn helper() {}\n    #[cfg(feature = \"slow\")]\n    #[test]\n"
        "    fn three() {}\n}\n\n#[cfg(all(test, feature = \"x\"))]\nmod more {\n    #[test]\n    fn four() {}\n}\n"),
        ["one", "two"],
    ),
    "tests/slow.rs": (Language.RUST, "#![cfg(feature = \"slow\")]\n#[test]\nfn one() {}\n", []),
    "tests/a.bats": (
        Language.BASH,
        ("@test \"prints \\\"hi\\\" for \\$x \\\\ a\" {\n  true\n}\n@test 'a \"b\" c' {\n  true\n}\n"
        "@test \"of $HOME\" {\n  true\n}\n"),
        ['prints "hi" for $x \\ a', 'a "b" c'],
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", list(NAMED))
def test_tests_are_named_as_their_runner_reports_them(path):
    language, text, names = NAMED[path]
    assert [test.name for test in named_tests(language, tree_of({path: text}))] == names


@pytest.mark.parametrize(
    ("path", "reported"),
    [
        ("tests/test_a.py", ["tests/test_a.py::{}", "tests/test_a.py::{}[1-2]"]),
        ("a_test.go", ["example.com/a {}", "example.com/a {}/case_1"]),
        ("tests/a.test.ts", ["{}"]),
        ("src/lib.rs", ["tests::{}"]),
        ("tests/a.bats", ["tests/a.bats {}"]),
    ],
)
def test_a_test_that_no_report_knows_is_named(path, reported):
    language, text, names = NAMED[path]
    tree = tree_of({path: text})
    for form in reported:
        cases = tuple(TestCase(form.format(name), RunOutcome.SKIPPED) for name in names)
        assert unreported(language, tree, TestReport(cases)) == ()
        assert [test.name for test in unreported(language, tree, TestReport(cases[:1]))] == names[1:]


def test_a_shell_test_that_names_nothing_of_the_repo_is_idle_unless_it_loads_a_helper():
    repo = {"bin/count": "echo 1\n", "lib/a.sh": "f() { echo 1; }\n"}
    idle = {"tests/test_a.sh": "echo 'ok 1 - a'\n"}
    assert runs_nothing(Language.BASH, tree_of(repo | idle)) == ("tests/test_a.sh",)
    for text in (
        ". ./tests/helper\necho ok 1\n",
        "load helper\n@test 'a' {\n  f\n}\n",
        "lib/a.sh && echo ok 1\n",
    ):
        assert runs_nothing(Language.BASH, tree_of(repo | {"tests/test_a.sh": text})) == ()


def test_a_script_that_reports_in_a_way_of_its_own_is_one_test():
    own = 'say() { printf "%s %d - %s\\n" ok 1 "$1"; }\nsay "of words"\n'
    for text in (own, "printf 'ok %d - %s\\n' 1 \"$name\"\n", 'echo "ok: it counts"\n'):
        assert counts_of(Language.BASH, tree_of({"tests/test_a.sh": text})) == {"tests/test_a.sh": 1}
    for text in ("echo done\n", 'set -u\nsay() {\n  echo "ok $1"\n}\n'):
        assert counts_of(Language.BASH, tree_of({"tests/test_a.sh": text})) == {}


def test_the_good_builds_name_tests_in_every_test_file_that_the_runner_reads():
    for case in corpus():
        if case.is_good and case.base is None:
            tree = tree_of(case.case.build.write)
            files = files_of(case.language, tree)
            assert files, case.name
            named = {test.path for test in named_tests(case.language, tree)}
            taking = {path for path in files if takes_tests(case.language, path, tree[path].text)}
            assert named == taking or all(path.endswith(".sh") for path in taking - named), case.name


def test_a_macro_that_writes_tests_makes_one_of_each_of_its_calls():
    text = (
        "pub fn low(a: &str) -> String {\n    a.to_lowercase()\n}\n\n#[cfg(test)]\nmod tests {\n    use super::low;\n"
        "    macro_rules! t {\n        ($name:ident: $a:expr => $b:expr) => {\n            #[test]\n"
        "            fn $name() {\n                assert_eq!(low($a), $b)\n            }\n        };\n    }\n"
        '    t!(one: "A" => "a");\n    t!(two: "bC" => "bc");\n    println!("none");\n}\n'
    )
    tree = tree_of({"src/lib.rs": text})
    assert files_of(Language.RUST, tree) == ("src/lib.rs",)
    assert counts_of(Language.RUST, tree) == {"src/lib.rs": 2}
    assert takes_tests(Language.RUST, "src/lib.rs", text)
    assert counts_of(Language.RUST, tree_of({"src/lib.rs": text.replace("#[test]", "#[inline]")})) == {}
    closed = text.replace("#[cfg(test)]", '#[cfg(all(test, feature = "slow"))]')
    assert not takes_tests(Language.RUST, "src/lib.rs", closed)
