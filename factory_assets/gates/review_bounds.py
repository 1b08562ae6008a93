"""Gate of the review phase: it took no test away, changed no interface and rewrote nothing."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.provenance import PROVENANCE_FILE
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree, changed_paths
from factory_assets.gates.diffs import diff_lines
from factory_assets.gates.interfaces import interface_changes, public_interface
from factory_assets.gates.names import REVIEW_BOUNDS
from factory_assets.gates.written import WrittenTest, written_tests
from factory_assets.languages import LANGUAGES, LOCK_FILES
from factory_assets.languages.facts import read_facts
from factory_assets.languages.sources import is_source, is_test_code, lines_of_code, source_text

# A review that changes more writes another program, which nobody has reviewed.
MOST_CHANGED = 0.4
# Below this a share says nothing: fixing one function of a small tool may take so many lines.
ALWAYS_ALLOWED = 15
# A file of which less than this is left has been written anew, however small its part in the repo.
LEAST_LEFT = 0.4  # Of a test that was fixed and renamed at once, at least this much is as it was.
SAME_TEST = 0.6


def judge_review(language: Language, *, built: Tree, tree: Tree) -> GateVerdict:
    """Compare the review's commit with what the build phase left.

    Args:
        language: whose tests and interface are read.
        built: the tree after the build phase; the documents may differ.
        tree: the review's commit.
    """
    # These the factory writes itself before the repo ships; a lock file that it does not write, its gate on the
    # dependencies holds against what is declared.
    changed = [path for path in changed_paths(built, tree) if path not in LOCK_FILES | {PROVENANCE_FILE}]
    faults = [
        *_lost_tests(language, built, tree, changed),
        *_interface(language, built, tree),
        *_rewritten(language, built, tree, changed),
    ]
    share = _changed_lines(language, built, tree, changed)
    return GateVerdict(
        gate=REVIEW_BOUNDS,
        phase=Phase.REVIEW,
        passed=not faults,
        saw="\n".join(faults)
        if faults
        else f"{share} of {lines_of_code(language, built)} source lines changed;"
        " tests and interface are kept",
        fix="Take these changes back: the review fixes faults, each with the smallest change."
        if faults
        else "",
    )


def _lost_tests(language: Language, built: Tree, tree: Tree, changed: list[str]) -> Iterator[str]:
    before, after = written_tests(language, built), written_tests(language, tree)
    faults = [
        *_removed(before, after),
        *_weakened(before, after),
        *_switched_off(language, built, tree, changed),
    ]
    if faults:
        yield from faults
        paths = {test.path for test in before} | {test.path for test in after}
        yield from diff_lines(built, tree, [p for p in changed if p in paths or is_test_code(language, p)])


def _removed(before: tuple[WrittenTest, ...], after: tuple[WrittenTest, ...]) -> Iterator[str]:
    old = Counter(test.name for test in before if not test.is_helper)
    new = Counter(test.name for test in after if not test.is_helper)
    fresh = [test for test in after if not test.is_helper and new[test.name] > old[test.name]]
    for name, count in (old - new).items():
        lost = [test for test in before if test.name == name and not test.is_helper][-count:]
        for test in lost:
            # The same test under another name is a better name.
            renamed = next((other for other in fresh if _is_fixed(test, other)), None)
            if renamed is None:
                yield f"{test.path}: the test {name} was removed"
            else:
                fresh.remove(renamed)


def _is_fixed(old: WrittenTest, new: WrittenTest) -> bool:
    """Whether a new test is an old one under another name: most of it is the same, and it asserts no less."""
    if not old.body or new.skipped > old.skipped or new.asserts < old.asserts:
        return False
    before, after = old.body.replace(old.name, ""), new.body.replace(new.name, "")
    return (
        before == after or difflib.SequenceMatcher(None, before, after, autojunk=False).ratio() >= SAME_TEST
    )


def _weakened(before: tuple[WrittenTest, ...], after: tuple[WrittenTest, ...]) -> Iterator[str]:
    now: dict[tuple[str, bool], list[WrittenTest]] = {}
    for test in after:
        now.setdefault((test.name, test.is_helper), []).append(test)
    for test in before:
        candidates = now.get((test.name, test.is_helper), [])
        kept = any(other.body == test.body and other.skipped == test.skipped for other in candidates)
        same = next((other for other in candidates if other.path == test.path), None)
        match = same or next(iter(candidates), None)
        if match is None or kept:
            continue
        what = "the tests' helper" if test.is_helper else "the test"
        if match.skipped and not test.skipped:
            yield f"{match.path}: {what} {test.name} is skipped now"
        if test.asserts > 0 and match.asserts <= 0:
            yield f"{match.path}: {what} {test.name} asserts nothing any more"


def _switched_off(language: Language, built: Tree, tree: Tree, changed: list[str]) -> Iterator[str]:
    """What takes tests out of a run from elsewhere: pytest's hooks, and `only`."""
    steering = LANGUAGES[language].tests.steering
    for path in changed:
        steers = not steering or path.rpartition("/")[2] in steering
        if path in tree and steers and is_test_code(language, path):
            old = read_facts(language, built[path].text).choosers if path in built else ()
            new = Counter(read_facts(language, tree[path].text).choosers) - Counter(old)
            if new:
                yield f"{path}: {', '.join(sorted(new))} is new, which decides which tests run"


def _interface(language: Language, built: Tree, tree: Tree) -> Iterator[str]:
    changes = interface_changes(public_interface(language, built), public_interface(language, tree))
    if changes:
        yield "the review changed the public interface:"
        yield from (f"  {change}" for change in changes[:20])


def _rewritten(language: Language, built: Tree, tree: Tree, changed: list[str]) -> Iterator[str]:
    lines, total = _changed_lines(language, built, tree, changed), lines_of_code(language, built)
    limit = max(ALWAYS_ALLOWED, int(MOST_CHANGED * total))
    if lines > limit:
        sources = [path for path in changed if path in _sources(language, built) | _sources(language, tree)]
        yield (
            f"the review changed {lines} of {total} source lines; {limit} are allowed"
            f" ({MOST_CHANGED:.0%}, at least {ALWAYS_ALLOWED})"
        )
        yield from diff_lines(built, tree, sources)
        return
    yield from _written_anew(language, built, tree, changed)


def _written_anew(language: Language, built: Tree, tree: Tree, changed: list[str]) -> Iterator[str]:
    for path in changed:
        if path in built and path in tree:
            old, new = (_source_lines(language, path, where) for where in (built, tree))
            left, lost = (old & new).total(), (old - new).total()
            if lost > ALWAYS_ALLOWED and left < LEAST_LEFT * old.total():
                yield f"{path} was written anew: {left} of its {old.total()} lines are left"
                yield from diff_lines(built, tree, [path])


def _sources(language: Language, tree: Tree) -> set[str]:
    return {path for path, file in tree.items() if is_source(language, path, file)}


def _changed_lines(language: Language, built: Tree, tree: Tree, changed: list[str]) -> int:
    """Lines that came or went, whichever are more in each file; moved lines and blank ones do not count."""
    total = 0
    for path in changed:
        old, new = (_source_lines(language, path, where) for where in (built, tree))
        total += max((old - new).total(), (new - old).total())
    return total


def _source_lines(language: Language, path: str, tree: Tree) -> Counter[str]:
    if path not in tree or not is_source(language, path, tree[path]):
        return Counter()
    text = source_text(language, tree[path])
    return Counter(line.rstrip() for line in text.splitlines() if line.strip())
