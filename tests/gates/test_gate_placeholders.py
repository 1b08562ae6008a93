"""Unfinished work is refused with file and line; a tool about unfinished work is not."""

from __future__ import annotations

import pytest
from build_material import BASH_FILES, PYTHON_FILES, tree_of

from factory_assets.domain.specs import Language
from factory_assets.gates.placeholders import judge_placeholders

GO, PYTHON, TS, BASH, RUST = (
    Language.GO,
    Language.PYTHON,
    Language.TYPESCRIPT,
    Language.BASH,
    Language.RUST,
)
NAMES = {
    GO: "count.go",
    PYTHON: "count/cli.py",
    TS: "src/count.ts",
    BASH: "lib/count.sh",
    RUST: "src/count.rs",
}


def judge(language, text, **more):
    return judge_placeholders(language, tree_of({NAMES[language]: text, **more}), {})


REFUSED = [
    (PYTHON, "def count(text) -> int:\n    # Counts the words.\n    pass\n", 1),
    (PYTHON, "def count(text):\n    # Counts the words.\n    pass\n\nprint(count('a'))\n", 1),
    (BASH, 'parse() {\n  # parses\n  :\n}\necho "$(parse)"\n', 1),
    (PYTHON, "def cmd_export(args):\n    pass\n\nCOMMANDS = {'export': cmd_export}\n", 1),
    (TS, "export class Counter {\n  add(word: string): void {}\n}\n", 2),
    (RUST, "impl Counter {\n    pub fn add(&mut self, word: &str) {}\n}\n", 2),
    (RUST, "#[inline]\npub fn add(word: &str) {}\n", 2),
    (PYTHON, "def count():\n    print('not implemented')\n    return 1\n", 2),
    (PYTHON, "@property\ndef a(): pass\n", 2),
    (PYTHON, "x = 1\n# TODO: count lines\n", 2),
    (PYTHON, "x = 1  # FIXME later\n", 1),
    (PYTHON, "# todo: lower case too\n", 1),
    (PYTHON, "# XXX this is wrong\n", 1),
    (PYTHON, "x = 1  # a hack, TODO(me) fix\n", 1),
    (PYTHON, "def count():\n    raise NotImplementedError\n", 2),
    (PYTHON, "def count():\n    raise NotImplementedError('later')\n", 2),
    (PYTHON, "def count():\n    raise RuntimeError('not implemented yet')\n", 2),
    (PYTHON, "def count():\n    print('Not implemented.')\n", 2),
    (PYTHON, "def count():\n    pass\n", 1),
    (PYTHON, "def count():\n    '''Counts.'''\n", 1),
    (PYTHON, "async def count():\n    ...\n", 1),
    (PYTHON, "class A:\n    def run(self):\n        pass\n", 2),
    (PYTHON, "text = 'Lorem ipsum dolor sit amet'\n", 1),
    (PYTHON, "def broken(:\n", 1),
    (GO, "package a\n\n// TODO: read the file\n", 3),
    (GO, 'package a\n\nfunc Count() int {\n\tpanic("not implemented")\n}\n', 4),
    (GO, 'package a\n\nfunc Count() error {\n\treturn errors.New("not implemented yet")\n}\n', 4),
    (GO, "package a\n\nfunc Count(a map[string]int) {\n}\n", 3),
    (TS, "/* A block.\n * TODO: more\n */\n", 2),
    (TS, "export function a(): number {\n  throw new Error('not implemented');\n}\n", 2),
    (TS, "export function a(x: string): void {\n}\n", 1),
    (TS, "export const a = (x: string): void => {};\n", 1),
    (RUST, "pub fn a() -> u8 {\n    todo!()\n}\n", 2),
    (RUST, 'pub fn a() -> u8 {\n    unimplemented!("later")\n}\n', 2),
    (RUST, 'pub fn a() -> u8 {\n    panic!("not implemented")\n}\n', 2),
    (RUST, "fn a(x: &str) {}\n", 1),
    (BASH, "x=1 # TODO: y\n", 1),
    (BASH, 'count() {\n  echo "not implemented"\n}\n', 2),
    (BASH, "count() {\n  echo not implemented >&2\n}\n", 2),
    (BASH, "count() { :; }\n", 1),
    (PYTHON, "def close():\n    pass\n", 1),
    (PYTHON, "class A:\n    def count(self):\n        '''Counts.'''\n", 2),
    (PYTHON, "from abc import ABC\nclass A(ABC):\n    def count(self):\n        pass\n", 3),
    (PYTHON, "class A:\n    def count(self):  # counts\n        pass\n", 2),
    (GO, "package a\n\nfunc Close() {\n}\n", 3),
    (PYTHON, "def count(text):\n    '''Counts.'''\n    return None\n", 1),
    (PYTHON, "def count(text):\n    return\n", 1),
    (PYTHON, "def count(text):  # counts\n    pass\n", 1),
    (BASH, "count() {\n  return 0\n}\n", 1),
]


@pytest.mark.parametrize(("language", "text", "line"), REFUSED)
def test_a_placeholder_is_refused_with_file_line_and_the_line(language, text, line):
    verdict = judge(language, text)
    assert not verdict.passed
    assert f"{NAMES[language]}:{line}: " in verdict.saw
    assert text.splitlines()[line - 1].strip() in verdict.saw


ABOUT_NOTES = '''"""Lists the TODO comments of a source tree."""

import re

# TODO and FIXME are found in any case; the pattern below is the whole grammar.
MARK = re.compile(r"#\\s*(TODO|FIXME|XXX)\\b")
EXAMPLE = "# TODO: an example"
EXCUSES = ("not implemented", "lorem ipsum", "raise NotImplementedError")


def marks(text: str) -> list[str]:
    """TODO marks of a text."""
    return MARK.findall(text)
'''
LEFT_ALONE = [
    (PYTHON, ABOUT_NOTES),
    (PYTHON, "from typing import Protocol\n\nclass Reader(Protocol):\n    def read(self) -> str: ...\n"),
    (PYTHON, "from abc import ABC, abstractmethod\n\nclass R(ABC):\n    @abstractmethod\n    def r(self): pass\n"),
    (PYTHON, "import abc\n\nclass R(abc.ABC):\n    @abc.abstractmethod\n    def r(self): raise NotImplementedError\n"),
    (PYTHON, "class A:\n    def r(self): raise NotImplementedError\n\nclass B(A):\n    def r(self): return 1\n"),
    (PYTHON, "def close():\n    # Nothing to close: the file is in memory.\n    pass\n"),
    (TS, "export const end = async (): Promise<void> => {\n  // No cleanup needed\n};\n"),
    (PYTHON, "import click\n\n@click.group()\ndef cli():\n    \"\"\"All commands.\"\"\"\n"),
    (GO, "package a\n\nfunc J(v interface{}) string {\n\treturn x(v)\n}\n\nvar x = struct{}{}\n"),
    (TS, "export function f(o: {} = {}): void {\n  run(o);\n}\nexport const g = (o = {}): object => ({});\n"),
    (PYTHON, "import typing\n\n@typing.overload\ndef f(x: int) -> int: ...\ndef f(x):\n    return x\n"),
    (PYTHON, "class Bad(ValueError):\n    pass\n\nclass Worse(Bad): ...\n"),
    (PYTHON, "try:\n    import tomllib\nexcept ImportError:\n    pass\n"),
    (PYTHON, "class H(BaseHTTPRequestHandler):\n    def log_message(self, *args):\n        pass\n"),
    (PYTHON, "class C:\n    def __exit__(self, *args):\n        pass\n"),
    (PYTHON, "def noop(*args):\n    pass\n"),
    (PYTHON, "name = 'XXX-XXX'  # replaces digits by XXX\npath = 'a'  # `TODO` is quoted\n"),
    (PYTHON, "def __lt__(self, other):\n    return NotImplemented\n"),
    (GO, 'package a\n\nvar marks = []string{"TODO", "not implemented"} // "TODO" and "FIXME"\n'),
    (GO, "package a\n\ntype node interface{ isNode() }\n\ntype leaf struct{}\n\nfunc (leaf) isNode() {}\n"),
    (GO, 'package a\n\nvar status = map[int]string{501: "Not Implemented"}\n'),
    (TS, "const MARK = /\\/\\/ TODO: (.*)/;\nwindow.on('end', () => {});\n"),
    (TS, "class A { constructor(readonly x: string) {} }\n"),
    (RUST, 'const MARK: &str = "TODO: x";\nconst MACRO: &str = r#"todo!() "quoted""#;\n'),
    (RUST, "impl A for B {\n    fn a(&self) {}\n}\n"),
    (BASH, "grep -n 'TODO:' \"$1\" || true\ncat <<'EOF'\n# TODO: example\nEOF\necho \"${#names[@]}\"\n"),
    (PYTHON, "class A:\n    def close(self) -> None:\n        pass\n\n    def flush(self): ...\n"),
    (PYTHON, "class A:\n    def on_start(self):\n        '''Called before the first file; heirs may replace it.'''\n"),
    (PYTHON, "class A:\n    def on_start(self):\n        pass  # a file has no beginning of its own\n"),
    (PYTHON,
     ("class V(ast.NodeVisitor):\n    def visit_Import(self, node):\n"
     "        # Imports are counted elsewhere.\n        pass\n")),
    (PYTHON, "class A:\n    def cleanup(self):\n        '''The folder is removed by its owner.'''\n        pass\n"),
    (PYTHON,
     ("from abc import ABC\nclass A(ABC):\n    def reset(self):\n"
     "        '''Forget what was seen; only some rules have to.'''\n")),
    (PYTHON, "class E(RuntimeError):\n    def hint(self):\n        '''No hint by default.'''\n"),
    (PYTHON, "class E(RuntimeError):\n    '''Only a name.'''\n"),
    (PYTHON,
     ("def read(p):\n    try:\n        return p.read_text()\n    except OSError:\n"
     "        pass\n    return ''\n")),
    (PYTHON,
     ("class A:\n    def r(self): raise NotImplementedError\n\nclass B(A):\n    x = 1\n"
     "\nclass C(B):\n    def r(self): return 1\n")),
    (PYTHON,
     ("from typing import Protocol\n\nclass R(Protocol):\n    def r(self) -> str:\n"
     "        '''Reads.'''\n        # by line\n")),
    (GO, "package a\n\ntype f struct{}\n\nfunc (x *f) Close() {}\nfunc (f) Flush() {\n\t// in memory\n}\n"),
    (TS, "export const onEnd = (): void => {\n  // the stream ends by itself\n};\n"),
    (RUST, "impl Drop for A {\n    fn drop(&mut self) {}\n}\n"),
    (PYTHON, "def handler(number, frame):\n    # Only wakes the call up.\n    pass\n"),
    (PYTHON, "class V:\n    def generic_visit(self, node):\n        pass  # a leaf has no children\n"),
    (PYTHON, "class A:\n    def find(self, name):\n        return None\n"),
    (BASH, "cleanup() { :; }\non_exit() {\n  :\n}\ntrap cleanup EXIT\n"),
    (PYTHON, "class A:\n    def on_start(self):\n        pass\n"),
    (TS, "export const onEnd = (): void => {};\n"),
    (GO, "package a\n\nfunc raise() {\n\t// this platform has no limits to raise\n}\n"),
    (PYTHON, "def ignore(event):\n    pass\n\ndef read(report=ignore):\n    report('read')\n"),
    (TS, "const quiet = (text: string): void => {};\nexport function run(log = quiet): void {\n  log('a');\n}\n"),
    (RUST, "#[cfg(not(unix))]\nfn restrict(path: &Path) {}\n"),
    (RUST,
     ("fn a() -> u8 {\n    1\n}\n\n#[cfg(test)]\nmod tests {\n    // TODO: more\n    fn stub() {}\n"
     "    #[test]\n    fn t() {\n        let x = \"Lorem ipsum dolor\";\n        todo!()\n    }\n}\n")),
    (PYTHON,
     ("class Quiet:\n    def report(self, text): pass\n\n"
     "class Loud:\n    def report(self, text): print(text)\n")),
    (PYTHON,
     ("def save(kind):\n    if kind == 'csv':\n        return 1\n"
     "    elif kind:\n        raise NotImplementedError(kind)\n")),
    (GO, 'package a\n\nfunc teapot(w W) {\n\thttp.Error(w, "Not Implemented", http.StatusNotImplemented)\n}\n'),
    (BASH, "f=$(mktemp -d /tmp/a.XXXXXX) # unique by mktemp's XXXXXX\n"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text"), LEFT_ALONE)
def test_what_only_speaks_of_placeholders_or_is_meant_to_be_empty_passes(language, text):
    verdict = judge(language, text)
    assert verdict.passed, verdict.saw


def test_real_repos_pass_and_tests_are_not_looked_at():
    assert judge_placeholders(PYTHON, tree_of(PYTHON_FILES), {}).passed
    assert judge_placeholders(BASH, tree_of(BASH_FILES), {}).passed
    test = "def test_marks():\n    # TODO: is found\n    pass\n"
    assert judge(PYTHON, "x = 1\n", **{"tests/test_a.py": test}).passed


@pytest.mark.parametrize(
    ("language", "stub", "text", "other", "passed"),
    [
        (GO, "main.go", "package main\n\nfunc main() {}\n", "cmd/a/main.go", False),
        (GO, "main.go", "package main\n\nfunc main() {}\n", None, False),
        (RUST, "src/lib.rs", "//! a: see SPEC.md.\n", None, False),
        (RUST, "src/lib.rs", "//! a: see SPEC.md.\n", "src/main.rs", True),
        (TS, "src/index.ts", "// a: see SPEC.md.\nexport {};\n", None, False),
        (TS, "src/index.ts", "// a: see SPEC.md.\nexport {};\n", "src/cli.ts", True),
    ],
)
def test_the_scaffolds_stub_must_not_be_left_as_the_only_source(language, stub, text, other, passed):
    scaffold = tree_of({stub: text})
    tree = scaffold | (tree_of({other: "x"}) if other else {})
    verdict = judge_placeholders(language, tree, scaffold)
    assert verdict.passed is passed, verdict.saw
    assert passed or f"{stub}:1: the scaffold's file is unchanged" in verdict.saw


def test_a_document_that_is_a_copy_of_the_scaffolds_text_is_refused():
    scaffold = tree_of({"SPEC.md": "# A\n\nText.\n"})
    tree = scaffold | tree_of({"docs/guide.md": "# A\n\nText.\n"})
    assert "docs/guide.md is the scaffold's SPEC.md" in judge_placeholders(BASH, tree, scaffold).saw


def test_a_long_list_is_cut_and_counted():
    saw = judge(BASH, "# TODO: a\n" * 50).saw
    assert saw.startswith("50 placeholders")
    assert "… and 30 more" in saw
    assert len(saw.splitlines()) == 22


def test_a_platforms_own_file_and_a_default_that_a_test_overrides_pass():
    platforms = {
        "limits_windows.go": "package a\n\nfunc raise() {}\n",
        "limits_unix.go": "package a\n\nfunc raise() {\n\tset(1)\n}\n",
    }
    assert judge_placeholders(GO, tree_of(platforms), {}).passed
    base = "class Reader:\n    def parse(self, text):\n        raise NotImplementedError\n"
    heir = "from a import Reader\n\nclass Words(Reader):\n    def parse(self, text):\n        return text.split()\n"
    tree = tree_of({"a/__init__.py": base, "tests/test_a.py": heir})
    assert judge_placeholders(PYTHON, tree, {}).passed
    assert not judge_placeholders(PYTHON, tree_of({"a/__init__.py": base}), {}).passed


def test_a_scanner_of_notes_may_explain_them_and_may_not_leave_any():
    scan = 'package scan\n\n// Find tells notes, each as in\n//\n//\tTODO: fix\nfunc Find() string { return "TODO" }\n'
    other = "package scan\n\n// TODO and FIXME are told apart in find.go.\nvar x = 1\n"
    assert judge_placeholders(GO, tree_of({"find.go": scan, "doc.go": other}), {}).passed
    assert judge_placeholders(
        GO, tree_of({"find.go": scan, "testdata/a.go": "// TODO: a\npackage a\n"}), {}
    ).passed
    left = judge_placeholders(GO, tree_of({"find.go": scan, "doc.go": "package scan\n\n// TODO: sort\n"}), {})
    assert "doc.go:3: a note of work left to do" in left.saw


@pytest.mark.parametrize("language", list(Language))
def test_a_source_that_nobody_can_read_is_refused(language):
    text = "x = 1\n"
    assert judge_placeholders(language, tree_of({NAMES[language]: text}), {}).passed
    assert "holds a NUL byte" in judge(language, text + "\0").saw
    assert "nested too deep" in judge(language, "{" * 5000 + "(" * 5000).saw
