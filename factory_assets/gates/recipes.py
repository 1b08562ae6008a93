"""Judging one line of a recipe: does it run the tests, all of them, and does its exit code say how they ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from factory_assets.domain.specs import Language

# A hint of the program stays, so that $(shell command -v python3) is known as one.
_PROGRAM = re.compile(r"\b(python3?|pytest|go|cargo|node|bash|bats)\b")
_MASK = re.compile(r"\$SUB(\d+)(?::\w+)?|=VALUE(\d+)")
_XARGS = re.compile(
    r"\bxargs\s+(?=(?:-\S+\s+(?:\d+\s+)?)*?-(?:\d?n ?1|L ?1|I)\b)"
    r"(?:-\S+\s+(?:\d+\s+|\{\}\s+)?)*((?:ba)?sh|bats)\b(?:\s+\{\})?"
)
_SUBSTITUTED = re.compile(r"\${1,2}\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\)|`[^`]*`")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_QUOTED_VALUE = re.compile(r"=(?:\"[^\"]*\"|'[^']*')")
_IN_QUOTES = re.compile(r"[;&|<>(){}\"']")
_REDIRECTION = re.compile(r"(?:\d|&)?>{1,2}\s*(?:&\d|[^\s;&|]+)|\d?<\s*[^\s;&|<]+")
_SEPARATOR = re.compile(r"\|\||&&|;|\n|\||&")
_LEADING = re.compile(
    r"(?:(?:if|then|else|elif|do|while|until|time|exec|command|env|nice|\{|\(|!|timeout\s+(?:-\S+\s+)*\S+"
    r"|[A-Za-z_]\w*=\S*)\s+|[({!]\s*)*"
)
_CONDITION = re.compile(r"(?:^|\s)(?:if|elif|while|until)\s")
_LOOP = re.compile(r"(?:^|\s)do(?:\s|$)")
_CLOSERS = re.compile(r"(?:fi|done|\}|\)|esac|\s)*")
_FAILS = re.compile(r"(?:^|[\s{(])(?:exit\s+(?:[1-9]|\$)|return\s+(?:[1-9]|\$)|false\b|[A-Za-z_]\w*=\S)")
_CAPTURES = re.compile(r"[A-Za-z_]\w*=\$+\{?\?")
_REPLACED = re.compile(
    r"(?:^|\s)(PYTEST_ADDOPTS|PYTEST_PLUGINS|PYTHONSTARTUP|GOFLAGS|NODE_OPTIONS|RUSTC_WRAPPER|RUSTDOC"
    r"|CARGO_TARGET_\w+|BASH_ENV|LD_PRELOAD|MAKEFLAGS|PATH)=(\"[^\"]*\"|'[^']*'|\S*)"
)
_RUNNERS = {
    Language.PYTHON: re.compile(
        r"(?:\S*(?:python[\d.]*|PYTHON\S*)\s+(?:-[WX]\s+\S+\s+|-\w[\w:=.]*\s+)*?-m\s+(?:pytest|unittest)|\S*pytest)\b"
    ),
    Language.GO: re.compile(r"\S*\bgo\s+test\b"),
    Language.TYPESCRIPT: re.compile(r"\S*\bnode\b(?=.*\s--test\b)"),
    Language.RUST: re.compile(r"\S*\bcargo\s+(?:\+\S+\s+)?(?:test|t)\b"),
    Language.BASH: re.compile(
        r"(?:\S*\b(?:ba)?sh\s+(?:-(?!\w*n)[a-z]+\s+)*(?=[\"']?\$(?!SUB)|[\"']?(?:\./)?tests/)|\S*\bbats\b|(?:\./)?(?:tests/|\$(?!SUB)))"
    ),
}
RUNNER_NAMES = {
    Language.PYTHON: "python3 -m pytest",
    Language.GO: "go test ./...",
    Language.TYPESCRIPT: "node --test",
    Language.RUST: "cargo test",
    Language.BASH: "bash over tests/test_*.sh, or bats",
}
_PYTEST_FILTER = re.compile(
    r"-[qvxsl]*[kmpco](?!onfcut).*|--(?:deselect|ignore|ignore-glob|co|collect-only|setup-only|setup-plan|lf|last-failed"
    r"|sw|stepwise|stepwise-skip|sw-skip|config-file|override-ini|confcutdir|noconftest|pyargs"
    r"|fixtures|version|help|markers)(?:=.*)?|-h|.*::.*"
)
# What these options name changes nothing about which tests are run.
_HARMLESS = {
    "-p": re.compile(
        r"no:(?:cacheprovider|warnings|doctest|faulthandler|logging|randomly|unraisableexception|threadexception)"
        r"|pytester"
    ),
    # The settings files that gates/shadows.py reads.
    "-c": re.compile(r"(?:\./)?(?:pyproject\.toml|\.?pytest\.(?:ini|toml)|setup\.cfg|tox\.ini)"),
    "-o": re.compile(
        r"(?:asyncio_\w+|cache_dir|console_output_style|filterwarnings|junit_\w+|log_\w+|pythonpath)=.*"
    ),
}
_LONG = {"--config-file": "-c", "--override-ini": "-o"}
_TAKES_A_WARNING = frozenset({"-W", "--pythonwarnings"})
_FILTERS = {
    Language.GO: re.compile(
        r"--?(?:test\.)?(?:run|skip|list|exec|toolexec|overlay|modfile|n|c|h)(?:=(?!['\"]?\.?['\"]?$).*)?"
    ),
    Language.TYPESCRIPT: re.compile(
        r"--(?:test-name-pattern|test-skip-pattern|test-only|test-shard|import|require|loader"
        r"|experimental-loader|eval|env-file)(?:=.*)?|-[rep]"
    ),
    Language.RUST: re.compile(
        r"--(?:no-run|lib|bins?|test|doc|examples?|bench(?:es)?|exclude|package|config|manifest-path|skip|ignored"
        r"|list|exact|help)(?:=.*)?|-[ph]"
    ),
    Language.BASH: re.compile(r"-f|--filter(?:-tags|-status)?(?:=.*)?|-n|-c|--count"),
}
_CARGO_VALUES = frozenset(
    {
        "-j",
        "--jobs",
        "--features",
        "-F",
        "--target-dir",
        "--profile",
        "--color",
        "--test-threads",
        "--target",
        "--format",
    }
)


@dataclass(frozen=True)
class ShellMode:
    """What the Makefile tells its shell: end at the first failure, and take a pipe's failure for one."""

    errexit: bool = False
    pipefail: bool = False


@dataclass(frozen=True)
class _Segment:
    lead: str
    text: str
    separator: str


def runs_tests(language: Language, text: str) -> bool:
    """Whether the line calls the language's test runner."""
    return any(_is_runner(language, segment) for segment in _segments(text))


def runner_words(language: Language, text: str) -> tuple[str, ...]:
    """The arguments of every call of the test runner in the line."""
    return tuple(
        _readable(word, text)
        for segment in _segments(text)
        if (match := _runner(language, segment))
        for word in segment.text[match.end() :].split()
    )


def line_faults(language: Language, text: str, mode: ShellMode) -> Iterator[str]:
    """Why the exit code of a line that runs the tests does not say how they ended, or why not all are run.

    `text` is as the shell gets it, with the variables of the Makefile put in.
    """
    yield from (_readable(fault, text) for fault in _line_faults(language, text, mode))


def _line_faults(language: Language, text: str, mode: ShellMode) -> Iterator[str]:
    segments = _segments(text)
    errexit = mode.errexit or bool(re.search(r"\bset\s+-\w*e|\bset\s+-o\s+errexit", text))
    pipefail = mode.pipefail or bool(re.search(r"\bset\s+(?:-\w+\s+)*-?\w*o\s+pipefail", text))
    yield from _line_words(text, segments)
    for at, segment in enumerate(segments):
        if not _is_runner(language, segment):
            continue
        yield from _lead_faults(segment, segments[at + 1 :])
        yield from _after_faults(segments, at, ShellMode(errexit, pipefail))
        fault = _filter_fault(language, segment)
        if fault:
            yield f"leaves tests out: `{fault}`"


def setting_fault(name: str, value: str) -> str:
    """Why a variable that the test runner reads must not have this value, or nothing."""
    words = value.strip("\"'").split()
    match name:
        case "GOFLAGS":
            bad = any("$" in word or _FILTERS[Language.GO].fullmatch(word) for word in words)
        case "PYTEST_ADDOPTS":
            bad = bool(pytest_filter(words)) or "$" in value
        case "NODE_OPTIONS":
            bad = any("$" in word or _FILTERS[Language.TYPESCRIPT].fullmatch(word) for word in words)
        case "PATH":
            # What is put before it may be the repo's own commands, which its tests call.
            bad = re.search(r":\$(?:PATH|\{PATH\}|\(PATH\))", value) is None
        case "CARGO_TARGET_DIR":
            bad = False
        case _:
            bad = True
    return f"sets {name} for the test runner" if bad else ""


def _filter_fault(language: Language, segment: _Segment) -> str:
    """The word by which a call of the runner leaves tests out, or nothing."""
    match = _runner(language, segment)
    words = segment.text[match.end() :].split() if match else []
    if language is Language.PYTHON:
        if match and match[0].endswith("unittest"):
            return next((word for word in words if word.startswith("-k")), "")
        return pytest_filter(words)
    known = next((word for word in words if _FILTERS[language].fullmatch(word)), "")
    if known or language is not Language.RUST:
        return known
    return _cargo_name(words)


def pytest_filter(words: Sequence[str]) -> str:
    """The option of pytest that leaves tests out or brings other settings in, or nothing."""
    for at, word in enumerate(words):
        before, after = words[at - 1] if at else "", words[at + 1] if at + 1 < len(words) else ""
        if before in _TAKES_A_WARNING or word.startswith(("-W", "--pythonwarnings=")):
            continue
        if _PYTEST_FILTER.fullmatch(word) and not _is_harmless(word, after):
            return f"{word} {after}".strip() if len(word) <= 3 or word == "--deselect" else word
    return ""


def _is_harmless(word: str, after: str) -> bool:
    name, equals, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
    form = _HARMLESS.get(_LONG.get(name, name))
    return form is not None and form.fullmatch(value if equals else after) is not None


def commands_of(text: str) -> tuple[str, ...]:
    """The commands of a line, for showing."""
    shown = (segment.text.rstrip(" )") for segment in _segments(text))
    return tuple(_readable(command, text) for command in shown if command)


def _line_words(text: str, segments: Sequence[_Segment]) -> Iterator[str]:
    if re.search(r"\btrap\b", text):
        yield "sets a trap, which may change the exit code"
    if re.search(r"\bset\s+\+\w*e|\bset\s+\+o\s+errexit", text):
        yield "switches the end at the first failure off (set +e)"
    for name, value in _REPLACED.findall(text):
        if fault := setting_fault(name, value):
            yield fault
    for segment in segments:
        if re.fullmatch(r"exit\s+0", segment.text):
            yield "ends with `exit 0`"
    if re.match(r"\s*(?:true|:)\s*\|\|", text) or re.match(r"\s*false\s*&&", text):
        yield "never comes to the tests"


def _lead_faults(segment: _Segment, later: Sequence[_Segment]) -> Iterator[str]:
    rest = " ; ".join(f"{part.lead} {part.text}" for part in later)
    condition = _CONDITION.search(f" {segment.lead} ")
    if "!" in segment.lead and not condition:
        yield "turns the exit code round (!)"
    if condition and not _FAILS.search(rest):
        yield "takes the tests for a condition and does not fail when they fail"


def _after_faults(segments: Sequence[_Segment], at: int, mode: ShellMode) -> Iterator[str]:
    segment = segments[at]
    later = segments[at + 1 :]
    if segment.separator == "&":
        yield "runs the tests in the background"
        return
    if segment.separator == "|" and not mode.pipefail:
        yield f"pipes the tests into `{later[0].text if later else ''}`, whose exit code counts (no pipefail)"
        return
    handled = False
    for number, part in enumerate(segments[at:], start=at):
        if part.separator == "||":
            handler = _handler(segments[number + 1 :])
            if not _FAILS.search(f" {handler}"):
                yield f"hides a failure: `|| {handler.strip()}`"
                return
            handled = True
        elif part.separator in {";", "\n", ""}:
            break
    end = next(
        (n for n, part in enumerate(segments[at:], start=at) if part.separator in {";", "\n", ""}),
        len(segments),
    )
    rest = segments[end + 1 :]
    meaningful = [part for part in rest if _CLOSERS.fullmatch(f"{part.lead}{part.text}") is None]
    if handled or mode.errexit or _CONDITION.search(f" {segment.lead} "):
        return
    if meaningful and not _CAPTURES.match(f"{meaningful[0].lead}{meaningful[0].text}".strip()):
        yield f"goes on after the tests with `{meaningful[0].text}`, whose exit code counts"
    elif not meaningful and any(_LOOP.search(f" {part.lead} ") for part in segments[: at + 1]):
        yield "runs the tests in a loop, of which only the last one's exit code counts"


def _handler(segments: Sequence[_Segment]) -> str:
    """The text of what stands after `||`: one command, or a group in braces."""
    if not segments:
        return ""
    first = f"{segments[0].lead}{segments[0].text}"
    if "{" not in segments[0].lead and "(" not in segments[0].lead:
        return first
    parts = [first]
    for segment in segments[1:]:
        parts.append(f"{segment.lead}{segment.text}")
        if segment.text.startswith(("}", ")")):
            break
    return "; ".join(parts)


def _cargo_name(words: Sequence[str]) -> str:
    previous = ""
    for word in words:
        if not word.startswith("-") and previous not in _CARGO_VALUES:
            return word
        previous = word
    return ""


def _runner(language: Language, segment: _Segment) -> re.Match[str] | None:
    return _RUNNERS[language].match(segment.text)


def _is_runner(language: Language, segment: _Segment) -> bool:
    return _runner(language, segment) is not None


def _segments(text: str) -> list[_Segment]:
    """Cut a shell line at its separators; what is quoted or substituted is one word."""
    masked, _ = _masked(text)
    masked = _QUOTED.sub(lambda match: _IN_QUOTES.sub(" ", match[0]).strip() or "''", masked)
    masked = _REDIRECTION.sub(" ", masked)
    found: list[_Segment] = []
    at = 0
    for match in [*_SEPARATOR.finditer(masked), None]:
        part = masked[at : match.start() if match else len(masked)].strip()
        lead = _LEADING.match(f"{part} ")
        cut = min(lead.end(), len(part)) if lead else 0
        found.append(_Segment(part[:cut], part[cut:], match[0] if match else ""))
        at = match.end() if match else len(masked)
    while len(found) > 1 and not found[-1].text and not found[-1].lead:
        found.pop()
    last = found[-1]
    if last.separator == ";":
        found[-1] = _Segment(last.lead, last.text, "")
    return found


def _masked(text: str) -> tuple[str, list[str]]:
    """The text with a word in the place of each substitution and quoted value, and what stood there."""
    originals: list[str] = []

    def substitution(match: re.Match[str]) -> str:
        originals.append(match[0])
        programs = _PROGRAM.findall(match[0])
        return f"$SUB{len(originals) - 1}{f':{programs[-1]}' if programs else ''}"

    def value(match: re.Match[str]) -> str:
        originals.append(match[0])
        return f"=VALUE{len(originals) - 1}"

    masked = _SUBSTITUTED.sub(substitution, _XARGS.sub(r"\1 $FILE", text))
    return _QUOTED_VALUE.sub(value, masked), originals


def _readable(told: str, text: str) -> str:
    """What is told of a line, with what stands there in place of the words that stood for it."""
    _, originals = _masked(text)
    for _ in range(2):
        told = _MASK.sub(lambda match: originals[int(match[1] or match[2])], told)
    return told
