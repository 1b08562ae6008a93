"""Honest small repositories in shapes that hold few operators, each with tests that watch what it does."""

from __future__ import annotations

from dataclasses import dataclass

from factory_assets.domain.specs import Language

PYTHON, GO, RUST, TYPESCRIPT, BASH = (
    Language.PYTHON,
    Language.GO,
    Language.RUST,
    Language.TYPESCRIPT,
    Language.BASH,
)


@dataclass(frozen=True)
class Shape:
    """A source and what calls of it give; in bash, the arguments of the command and what it prints."""

    source: str
    cases: tuple[tuple[str, str], ...]
    imports: str = ""


SHAPES: dict[tuple[str, Language], Shape] = {
    ("words are counted", PYTHON): Shape(
        "def count(text):\n    counts = {}\n    for word in text.split():\n        counts.setdefault(word, 0)\n"
        "        counts[word] += 1\n    return counts\n",
        (('count("a b a")', '{"a": 2, "b": 1}'), ('count("")', "{}"), ('count("x")', '{"x": 1}')),
    ),
    ("words are counted", GO): Shape(
        "func Count(text string) map[string]int {\n\tcounts := map[string]int{}\n"
        "\tfor _, word := range strings.Fields(text) {\n\t\tcounts[word]++\n\t}\n\treturn counts\n}\n",
        (('Count("a b a")["a"]', "2"), ('len(Count(""))', "0"), ('Count("x")["x"]', "1")),
        '"strings"',
    ),
    ("words are counted", RUST): Shape(
        "use std::collections::HashMap;\n\npub fn count(text: &str) -> HashMap<String, usize> {\n"
        "    let mut counts = HashMap::new();\n    for word in text.split_whitespace() {\n"
        "        *counts.entry(word.to_string()).or_insert(0) += 1;\n    }\n    counts\n}\n",
        (('count("a b a")["a"]', "2"), ('count("").len()', "0"), ('count("x")["x"]', "1")),
    ),
    ("words are counted", TYPESCRIPT): Shape(
        "export function count(text: string): Map<string, number> {\n  const counts = new Map<string, number>();\n"
        "  for (const word of text.split(/\\s+/).filter(Boolean)) {\n"
        "    counts.set(word, (counts.get(word) ?? 0) + 1);\n  }\n  return counts;\n}\n",
        (('count("a b a").get("a")', "2"), ('count("").size', "0"), ('count("x").get("x")', "1")),
    ),
    ("words are counted", BASH): Shape(
        'main() {\n  local -A counts=()\n  local word\n  for word in $1; do\n'
        '    counts[$word]=$((${counts[$word]:-0} + 1))\n'
        '  done\n  for word in "${!counts[@]}"; do\n'
        '    printf \'%s %s\\n\' "$word" "${counts[$word]}"\n  done | sort\n}\n',
        (('"a b a"', "a 2\nb 1"), ('""', ""), ('"x"', "x 1")),
    ),
    ("a set is sorted", PYTHON): Shape(
        "def words(text):\n    return sorted(set(text.split()))\n",
        (('words("b a b")', '["a", "b"]'), ('words("")', "[]"), ('words("x")', '["x"]')),
    ),
    ("a set is sorted", GO): Shape(
        "func Words(text string) []string {\n\tfound := strings.Fields(text)\n\tslices.Sort(found)\n"
        "\treturn slices.Compact(found)\n}\n",
        (('strings.Join(Words("b a b"), ",")', '"a,b"'), ('len(Words(""))', "0"), ('Words("x")[0]', '"x"')),
        '"slices"\n\t"strings"',
    ),
    ("a set is sorted", RUST): Shape(
        "use std::collections::BTreeSet;\n\npub fn words(text: &str) -> Vec<&str> {\n"
        "    text.split_whitespace().collect::<BTreeSet<_>>().into_iter().collect()\n}\n",
        (('words("b a b")', 'vec!["a", "b"]'), ('words("").len()', "0"), ('words("x")', 'vec!["x"]')),
    ),
    ("a set is sorted", TYPESCRIPT): Shape(
        "export const words = (text: string): string[] => [...new Set(text.split(/\\s+/).filter(Boolean))].sort();\n",
        (('words("b a b")', '["a", "b"]'), ('words("")', "[]"), ('words("x")', '["x"]')),
    ),
    ("a set is sorted", BASH): Shape(
        "main() { tr ' ' '\\n' <<<\"$1\" | sort -u; }\n",
        (('"b a b"', "a\nb"), ('"x"', "x"), ('"c b a"', "a\nb\nc")),
    ),
    ("a table is looked up", PYTHON): Shape(
        'SUBSTITUTES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}\n\n\ndef escape(text):\n'
        "    for old, new in SUBSTITUTES.items():\n        text = text.replace(old, new)\n    return text\n",
        (('escape("a<b")', '"a&lt;b"'), ('escape("&>")', '"&amp;&gt;"'), ('escape("a")', '"a"')),
    ),
    ("a table is looked up", GO): Shape(
        'var substitutes = map[string]string{"<": "&lt;", ">": "&gt;"}\n\nfunc Escape(text string) string {\n'
        "\tfor old, new := range substitutes {\n\t\ttext = strings.ReplaceAll(text, old, new)\n\t}\n\treturn text\n}\n",
        (('Escape("a<b")', '"a&lt;b"'), ('Escape("<>")', '"&lt;&gt;"'), ('Escape("a")', '"a"')),
        '"strings"',
    ),
    ("a table is looked up", RUST): Shape(
        'const SUBSTITUTES: &[(&str, &str)] = &[("&", "&amp;"), ("<", "&lt;")];\n\n'
        "pub fn escape(text: &str) -> String {\n    let mut text = text.to_string();\n"
        "    for (old, new) in SUBSTITUTES {\n        text = text.replace(old, new);\n    }\n    text\n}\n",
        (('escape("a<b")', '"a&lt;b"'), ('escape("&")', '"&amp;"'), ('escape("a")', '"a"')),
    ),
    ("a table is looked up", TYPESCRIPT): Shape(
        'const SUBSTITUTES: Record<string, string> = { "&": "&amp;", "<": "&lt;" };\n\n'
        "export function escape(text: string): string {\n"
        '  return text.replace(/[&<]/g, (found) => SUBSTITUTES[found] ?? "");\n}\n',
        (('escape("a<b")', '"a&lt;b"'), ('escape("&")', '"&amp;"'), ('escape("a")', '"a"')),
    ),
    ("a table is looked up", BASH): Shape(
        "declare -A COLOURS=([red]='#f00' [blue]='#00f')\nmain() { printf '%s\\n' \"${COLOURS[$1]:-none}\"; }\n",
        (("red", "#f00"), ("blue", "#00f"), ("pink", "none")),
    ),
    ("links are chained", PYTHON): Shape(
        'def slug(title):\n    return "-".join(title.strip().lower().split())\n',
        (('slug(" The Title ")', '"the-title"'), ('slug("A")', '"a"'), ('slug("")', '""')),
    ),
    ("links are chained", GO): Shape(
        'func Slug(title string) string {\n\treturn strings.Join(strings.Fields(strings.ToLower(title)), "-")\n}\n',
        (('Slug(" The Title ")', '"the-title"'), ('Slug("A")', '"a"'), ('Slug("")', '""')),
        '"strings"',
    ),
    ("links are chained", RUST): Shape(
        "pub fn initials(name: &str) -> String {\n    name.split_whitespace()\n"
        "        .filter_map(|word| word.chars().next())\n"
        "        .map(|first| first.to_ascii_uppercase())\n        .rev()\n        .collect()\n}\n",
        (('initials("ada lovelace")', '"LA"'), ('initials("x")', '"X"'), ('initials("")', '""')),
    ),
    ("links are chained", TYPESCRIPT): Shape(
        'export const slug = (title: string) => title.trim().toLowerCase().split(/\\s+/).join("-");\n',
        (('slug(" The Title ")', '"the-title"'), ('slug("A")', '"a"'), ('slug("")', '""')),
    ),
    ("links are chained", BASH): Shape(
        "main() { tr 'A-Z' 'a-z' <<<\"$1\" | sed 's/^ *//; s/ *$//; s/  */-/g'; }\n",
        (('" The Title "', "the-title"), ("A", "a"), ('"a b"', "a-b")),
    ),
    ("a text is formatted", PYTHON): Shape(
        'def line(name, size):\n    return f"{name:<8}{size:>6}"\n',
        (('line("a", 1)', '"a            1"'), ('line("ab", 22)', '"ab          22"'), ('len(line("", 0))', "14")),
    ),
    ("a text is formatted", GO): Shape(
        'func Line(name string, size int) string {\n\treturn fmt.Sprintf("%-8s%6d", name, size)\n}\n',
        (('Line("a", 1)', '"a            1"'), ('Line("ab", 22)', '"ab          22"'), ('len(Line("", 0))', "14")),
        '"fmt"',
    ),
    ("a text is formatted", RUST): Shape(
        'pub fn line(name: &str, size: u32) -> String {\n    format!("{name:<8}{size:>6}")\n}\n',
        (('line("a", 1)', '"a            1"'), ('line("ab", 22)', '"ab          22"'), ('line("", 0).len()', "14")),
    ),
    ("a text is formatted", TYPESCRIPT): Shape(
        "export function line(name: string, size: number) {\n"
        "  return `${name.padEnd(8)}${String(size).padStart(6)}`;\n}\n",
        (('line("a", 1)', '"a            1"'), ('line("ab", 22)', '"ab          22"'), ('line("", 0).length', "14")),
    ),
    ("a text is formatted", BASH): Shape(
        "main() { printf '%-8s%6d\\n' \"$1\" \"$2\"; }\n",
        (("a 1", "a            1"), ("ab 22", "ab          22"), ("abc 3", "abc          3")),
    ),
    ("a date is reckoned", PYTHON): Shape(
        "from datetime import date, timedelta\n\n\ndef week(day):\n    first = date.fromisoformat(day)\n"
        "    return [str(first + timedelta(days=n)) for n in range(7)]\n",
        (
            ('week("2024-02-26")[3]', '"2024-02-29"'),
            ('len(week("2024-01-01"))', "7"),
            ('week("2023-12-31")[1]', '"2024-01-01"'),
        ),
    ),
    ("a date is reckoned", GO): Shape(
        "func Days(year int) int {\n\treturn time.Date(year, time.December, 31, 0, 0, 0, 0, time.UTC).YearDay()\n}\n",
        (("Days(2024)", "366"), ("Days(2023)", "365"), ("Days(1900)", "365")),
        '"time"',
    ),
    ("a date is reckoned", RUST): Shape(
        "pub fn days(year: u32) -> u32 {\n"
        "    365 + u32::from(matches!((year % 4, year % 100, year % 400), (0, 1.., _) | (_, _, 0)))\n}\n",
        (("days(2024)", "366"), ("days(2023)", "365"), ("days(1900)", "365")),
    ),
    ("a date is reckoned", TYPESCRIPT): Shape(
        "export function days(year: number): number {\n"
        "  return Math.round((Date.UTC(year + 1, 0) - Date.UTC(year, 0)) / 86_400_000);\n}\n",
        (("days(2024)", "366"), ("days(2023)", "365"), ("days(1900)", "365")),
    ),
    ("a date is reckoned", BASH): Shape(
        "main() { date -u -d \"$1 +1 day\" +%F; }\n",
        (("2024-02-28", "2024-02-29"), ("2023-12-31", "2024-01-01"), ("2023-02-28", "2023-03-01")),
    ),
}  # fmt: skip

# A command that is all in its main, and is run by its tests.
COMMANDS: dict[Language, dict[str, str | None]] = {
    PYTHON: {
        "clamp/__init__.py": "",
        "clamp/__main__.py": 'import sys\n\n\ndef main():\n'
        '    for line in sys.stdin:\n        print(line.rstrip()[::-1])\n\n\n'
        'if __name__ == "__main__":\n    main()\n',
        "tests/test_command.py": "import subprocess\nimport sys\n\nimport pytest\n\n\n"
        '@pytest.mark.parametrize(("given", "printed"), [("abc\\n", "cba\\n"), ("", ""), ("a\\nbc\\n", "a\\ncb\\n")])\n'
        "def test_lines_are_turned_round(given, printed):\n"
        '    command = [sys.executable, "-m", "clamp"]\n'
        "    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)\n"
        "    assert done.stdout == printed\n",
    },
    GO: {
        "main.go": 'package main\n\nimport (\n\t"fmt"\n\t"os"\n\t"strings"\n)\n\nfunc main() {\n'
        '\tfmt.Println(strings.ToUpper(strings.Join(os.Args[1:], " ")))\n}\n',
        "main_test.go": 'package main\n\nimport (\n\t"os/exec"\n\t"testing"\n)\n\n'
        "func TestWords(t *testing.T) {\n\tfor _, one := range []string{\"a\", \"b\", \"c\"} {\n"
        '\t\tout, err := exec.Command("go", "run", ".", one, "x").Output()\n'
        '\t\tif err != nil || len(out) != 4 || out[0] != one[0]-32 {\n'
        '\t\t\tt.Errorf("got %q, %v", out, err)\n\t\t}\n\t}\n}\n',
    },
    RUST: {
        "src/lib.rs": None,
        "src/main.rs": "fn main() {\n    let words: Vec<String> = std::env::args().skip(1).collect();\n"
        '    println!("{}", words.join(" ").to_uppercase());\n}\n',
        "tests/command.rs": "use std::process::Command;\n\nfn said(words: &[&str]) -> String {\n"
        '    let done = Command::new(env!("CARGO_BIN_EXE_clamp")).args(words).output().unwrap();\n'
        "    String::from_utf8(done.stdout).unwrap()\n}\n\n#[test]\nfn words() {\n"
        '    assert_eq!(said(&["a", "b"]), "A B\\n");\n}\n\n'
        '#[test]\nfn one() {\n    assert_eq!(said(&["x"]), "X\\n");\n}\n\n'
        '#[test]\nfn none() {\n    assert_eq!(said(&[]), "\\n");\n}\n',
    },
    TYPESCRIPT: {
        "src/index.ts": 'process.stdout.write(process.argv.slice(2).join(" ").toUpperCase() + "\\n");\n',
        "tests/index.test.ts": 'import assert from "node:assert/strict";\n'
        'import { spawnSync } from "node:child_process";\n'
        'import { test } from "node:test";\n\nfor (const words of [["a", "b"], ["x"], []]) {\n'
        '  test(`it prints ${words.length} words`, () => {\n'
        '    const done = spawnSync(process.execPath, ["dist/src/index.js", ...words], { encoding: "utf8" });\n'
        '    assert.equal(done.stdout, words.join(" ").toUpperCase() + "\\n");\n  });\n}\n',
    },
    BASH: {
        "lib/clamp.sh": None,
        "bin/clamp": "#!/usr/bin/env bash\nset -euo pipefail\nwhile read -r line; do\n  rev <<<\"$line\"\ndone\n",
        "tests/test_clamp.sh": "#!/usr/bin/env bash\ncd \"$(dirname \"${BASH_SOURCE[0]}\")/..\" || exit 1\n"
        "number=0 failed=0\nfor word in abc a 'x y'; do\n  number=$((number + 1))\n"
        '  if [[ "$(bin/clamp <<<"$word")" == "$(rev <<<"$word")" ]]; then echo "ok $number"; else\n'
        '    echo "not ok $number"\n    failed=1\n  fi\ndone\necho "1..$number"\nexit "$failed"\n',
    },
}  # fmt: skip


def files(shape: Shape, language: Language) -> dict[str, str | None]:
    """The source and tests of a shape, as changes of the good repo of its language."""
    return _WRITE[language](shape)


def _python(shape: Shape) -> dict[str, str | None]:
    tests = "".join(
        f"\n\ndef test_case_{at}():\n    assert {call} == {given}\n"
        for at, (call, given) in enumerate(shape.cases)
    )
    return {"clamp/core.py": shape.source, "tests/test_core.py": f"from clamp.core import *\n{tests}"}


def _go(shape: Shape) -> dict[str, str | None]:
    tests = "".join(
        f"\nfunc TestCase{at}(t *testing.T) {{\n\tif got := {call}; got != {given} {{\n"
        f'\t\tt.Errorf("got %v", got)\n\t}}\n}}\n'
        for at, (call, given) in enumerate(shape.cases)
    )
    strings = '"strings"\n\t' if "strings." in tests else ""
    return {
        "main.go": f"package main\n\nimport (\n\t{shape.imports}\n)\n\n{shape.source}\nfunc main() {{}}\n",
        "main_test.go": f'package main\n\nimport (\n\t{strings}"testing"\n)\n{tests}',
    }


def _rust(shape: Shape) -> dict[str, str | None]:
    tests = "".join(
        f"\n    #[test]\n    fn case_{at}() {{\n        assert_eq!({call}, {given});\n    }}\n"
        for at, (call, given) in enumerate(shape.cases)
    )
    return {"src/lib.rs": f"{shape.source}\n#[cfg(test)]\nmod tests {{\n    use super::*;\n{tests}}}\n"}


def _typescript(shape: Shape) -> dict[str, str | None]:
    tests = "".join(
        f'\ntest("case {at}", () => {{\n  assert.deepEqual({call}, {given});\n}});\n'
        for at, (call, given) in enumerate(shape.cases)
    )
    name = shape.cases[0][0].partition("(")[0]
    imports = (
        'import assert from "node:assert/strict";\nimport { test } from "node:test";\n'
        f'import {{ {name} }} from "../src/index.js";\n'
    )
    return {"src/index.ts": shape.source, "tests/index.test.ts": f"{imports}{tests}"}


def _bash(shape: Shape) -> dict[str, str | None]:
    cases = ((given, printed.replace("\n", "\\n")) for given, printed in shape.cases)
    checks = "".join(f"check \"$(bin/clamp {given})\" $'{printed}'\n" for given, printed in cases)
    return {
        "lib/clamp.sh": None,
        "bin/clamp": f'#!/usr/bin/env bash\nset -euo pipefail\n{shape.source}main "$@"\n',
        "tests/test_clamp.sh": '#!/usr/bin/env bash\ncd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1\n'
        "number=0 failed=0\ncheck() {\n  number=$((number + 1))\n"
        '  if [[ "$1" == "$2" ]]; then echo "ok $number"; else\n'
        '    echo "not ok $number: $1"\n    failed=1\n  fi\n}\n'
        f'{checks}echo "1..$number"\nexit "$failed"\n',
    }


_WRITE = {PYTHON: _python, GO: _go, RUST: _rust, TYPESCRIPT: _typescript, BASH: _bash}
