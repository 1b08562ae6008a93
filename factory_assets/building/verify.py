"""Checking a clone of a shipped repo against its own claims: nothing is asked of the factory that made it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from factory_assets.building.attribution import README_FILE, attribution_faults, only_attributed
from factory_assets.building.clones import CloneReader, Commit, open_clone
from factory_assets.building.provenance import read_provenance, read_tag_message
from factory_assets.building.publishing import PUBLISHED, read_published, without_published
from factory_assets.building.scaffold.scaffold import FIRST_VERSION
from factory_assets.dependencies.online import Online
from factory_assets.domain.agents import CommandRunner
from factory_assets.domain.builds import Phase
from factory_assets.domain.errors import InputError
from factory_assets.domain.indexes import PackageIndexes
from factory_assets.domain.provenance import PROVENANCE_FILE, SPEC_FILE, Provenance, TagRecord, sha256
from factory_assets.domain.text import strip_hidden, tail
from factory_assets.domain.trees import Tree, changed_paths
from factory_assets.gates.acceptance import run_scenarios
from factory_assets.gates.checkout import Checkout
from factory_assets.gates.dependencies import WRITTEN_FILES, install_locked
from factory_assets.gates.names import TESTS_EXECUTED, TESTS_PASS
from factory_assets.gates.runners import TestRunner
from factory_assets.languages.names import names_of
from factory_assets.scratch import scratch_folder

_TAG = f"v{FIRST_VERSION}"
_ADDED_AT_THE_END = WRITTEN_FILES | {PROVENANCE_FILE}
_LINK = re.compile(r"^- Link: (\S+)$", re.MULTILINE)
_PAPER = re.compile(r"^Paper: (\S+)$", re.MULTILINE)
_TEST_SECONDS = 600.0


@dataclass(frozen=True)
class VerifyCheck:
    """One claim: whether it holds, and what was seen."""

    name: str
    passed: bool
    saw: str


@dataclass(frozen=True)
class VerifyReport:
    """All claims of one repo, in the order in which they were checked."""

    source: str
    checks: tuple[VerifyCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every claim holds."""
        return all(check.passed for check in self.checks)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What `make test` of a clone runs with: contained, and with network only to fetch what is locked."""

    commands: CommandRunner
    indexes: PackageIndexes
    seconds: float = _TEST_SECONDS


@dataclass(frozen=True)
class _Claims:
    """What a clone says of itself, read as far as it can be read."""

    tag: TagRecord
    provenance: Provenance
    tagged: str
    main: str | None
    tree: Tree
    history: tuple[Commit, ...]
    review: Tree


class _BrokenClaimError(Exception):
    """A claim does not hold; the text says why."""


def verify_clone(source: str, *, bench: Bench | None = None) -> VerifyReport:
    """Check a folder or an address against what its tag and its provenance.json say. With a bench, run its tests.

    Raises:
        InputError: when the source is no repository.
        InfrastructureError: when it cannot be fetched, or a package registry not be reached.
        MissingToolError: when git, or a tool of the language, is not there.
    """
    with open_clone(source) as clone:
        return VerifyReport(source, tuple(_verify(clone, bench)))


def _verify(clone: CloneReader, bench: Bench | None) -> Iterator[VerifyCheck]:
    """The records first: without them there is nothing to hold the rest against."""
    try:
        tagged, tag = _read_tag(clone)
    except InputError as error:
        yield VerifyCheck("tag", passed=False, saw=str(error))
        return
    yield VerifyCheck("tag", passed=True, saw=f"{_TAG} is annotated and carries a record")
    tree = clone.tree(tagged)
    try:
        provenance = read_provenance(tree)
    except InputError as error:
        yield VerifyCheck("provenance", passed=False, saw=str(error))
        return
    yield VerifyCheck("provenance", passed=True, saw=f"{PROVENANCE_FILE} is well-formed")
    history = clone.history(tagged)
    before = history[-1].parents
    claims = _Claims(
        tag=tag,
        provenance=provenance,
        tagged=tagged,
        main=clone.main(),
        tree=tree,
        history=history,
        review=clone.tree(before[0]) if before else {},
    )
    for name, check in _CHECKS.items():
        yield _checked(name, partial(check, claims))
    if bench is not None:
        with scratch_folder() as folder:
            yield _checked("tests", partial(_run_tests, clone, claims, bench, folder / "tests"))
            if claims.tag.acceptance is not None:
                yield _checked(
                    "acceptance", partial(_run_scenarios, clone, claims, bench, folder / "scenarios")
                )


def _checked(name: str, check: Callable[[], str]) -> VerifyCheck:
    try:
        return VerifyCheck(name, passed=True, saw=check())
    except _BrokenClaimError as error:
        return VerifyCheck(name, passed=False, saw=str(error))


def _read_tag(clone: CloneReader) -> tuple[str, TagRecord]:
    tag = clone.tag(_TAG)
    if tag is None:
        what = "is not annotated" if clone.has_tag(_TAG) else "is missing"
        raise InputError(f"The tag {_TAG} {what}: it is what the factory ships by.")
    return tag.commit, read_tag_message(tag.message)


def _check_commit(claims: _Claims) -> str:
    _hold(claims.tag.commit, claims.tagged, f"the record names commit {{}}, and {_TAG} points to {{}}")
    _hold(claims.main, claims.tagged, f"main is {{}}, and {_TAG} points to {{}}")
    return f"record, {_TAG} and main are {claims.tagged[:12]}"


def _check_agreement(claims: _Claims) -> str:
    tag, provenance = claims.tag, claims.provenance
    _hold(tag.name, provenance.name, f"the tag's record names {{}}, and {PROVENANCE_FILE} {{}}")
    _hold(tag.version, provenance.version, f"the tag's record says {{}}, and {PROVENANCE_FILE} {{}}")
    _hold(tag.version, _TAG, "the tag's record says {}, and the tag is {}")
    return f"tag and {PROVENANCE_FILE} both say {tag.name} {tag.version}"


def _check_gates(claims: _Claims) -> str:
    gates = claims.tag.gates
    wanting = [name for name in (TESTS_PASS, TESTS_EXECUTED) if name not in gates]
    wanting += [name for name, gate in gates.items() if not gate.passed]
    if wanting:
        raise _BrokenClaimError(f"by the tag's own record these gates did not pass: {', '.join(wanting)}")
    if claims.tag.tests_executed < 1:
        raise _BrokenClaimError("by the tag's own record no test was executed")
    return f"{len(gates)} gates passed, {claims.tag.tests_executed} tests executed, by the record"


def _check_history(claims: _Claims) -> str:
    """A line of single parents: scaffold, build, seo, reviews, and the commit that was shipped."""
    ids = [commit.id for commit in claims.history]
    parents = [commit.parents for commit in claims.history]
    if parents != [(), *((id_,) for id_ in ids[:-1])]:
        raise _BrokenClaimError("the history is no single line from its first commit")
    named = {done.phase: done.commit for done in claims.provenance.phases}
    if tuple(named) != tuple(Phase):
        raise _BrokenClaimError(f"{PROVENANCE_FILE} names the phases {', '.join(named) or 'none'}")
    strangers = [f"{phase} {commit[:12]}" for phase, commit in named.items() if commit not in ids]
    if strangers:
        raise _BrokenClaimError(
            f"not in the history (a shallow clone has only its end): {', '.join(strangers)}"
        )
    places = [ids.index(commit) for commit in named.values()]
    # Between seo and the end of the review, a gate may have sent the work back.
    if places[:2] != [1, 2] or not 3 <= places[2] == len(ids) - 2:
        raise _BrokenClaimError("the phases do not follow one another from scaffold to shipped commit")
    return f"{len(ids)} commits in one line: scaffold, build, seo, review, release"


def _check_release(claims: _Claims) -> str:
    changed = changed_paths(claims.review, claims.tree)
    others = [path for path in changed if path not in _ADDED_AT_THE_END and not path.startswith(PUBLISHED)]
    if README_FILE in others and _gained_its_attribution(claims):
        others.remove(README_FILE)
    if others:
        raise _BrokenClaimError(f"changed after the review, beside lock files: {', '.join(others)}")
    return f"after the review only {', '.join(changed)} changed"


def _gained_its_attribution(claims: _Claims) -> bool:
    before, after = claims.review.get(README_FILE), claims.tree.get(README_FILE)
    if before is None or after is None or before.data is None or after.data is None:
        return False
    return before.mode == after.mode and only_attributed(before.data, after.data)


def _check_spec(claims: _Claims) -> str:
    spec = claims.tree.get(SPEC_FILE)
    if spec is None or spec.data is None:
        raise _BrokenClaimError(f"{SPEC_FILE} is missing")
    _hold(
        sha256(spec.data),
        claims.provenance.spec_sha256,
        f"{SPEC_FILE} has SHA-256 {{}}, and {PROVENANCE_FILE} says {{}}",
    )
    return f"{SPEC_FILE} has the SHA-256 that {PROVENANCE_FILE} says"


def _check_papers(claims: _Claims) -> str:
    """The papers' part is the last of SPEC.md, and nothing in it but the template begins a line."""
    named = {paper.url for paper in claims.provenance.papers}
    spec = claims.tree[SPEC_FILE].text if SPEC_FILE in claims.tree else ""
    linked = set(_LINK.findall(spec.rpartition("\n## Papers\n")[2]))
    _hold(_listed(linked), _listed(named), f"{SPEC_FILE} names {{}}, and {PROVENANCE_FILE} {{}}")
    phases = {done.commit for done in claims.provenance.phases}
    for commit in claims.history:
        if commit.id in phases:
            told = _listed(set(_PAPER.findall(commit.message)))
            _hold(told, _listed(named), f"commit {commit.id[:12]} names {{}}, and {PROVENANCE_FILE} {{}}")
    return f"{PROVENANCE_FILE}, {SPEC_FILE} and commits name {_listed(named)}"


def _check_attribution(claims: _Claims) -> str:
    readme, spec = (claims.tree.get(path) for path in (README_FILE, SPEC_FILE))
    faults = attribution_faults(
        readme.text if readme else "", spec.text if spec else "", claims.provenance.source_url
    )
    if faults:
        raise _BrokenClaimError("; ".join(faults))
    return f"{README_FILE} and {SPEC_FILE} name title, authors, link and licence of what the repo rests on"


_CHECKS: dict[str, Callable[[_Claims], str]] = {
    "commit": _check_commit,
    "agreement": _check_agreement,
    "gates": _check_gates,
    "history": _check_history,
    "release": _check_release,
    "spec": _check_spec,
    "papers": _check_papers,
    "attribution": _check_attribution,
}


def _run_tests(clone: CloneReader, claims: _Claims, bench: Bench, folder: Path) -> str:
    workspace, env, _ = _prepared(clone, claims, bench, folder)
    runner = TestRunner(
        language=claims.provenance.language,
        checkout=Checkout(workspace, claims.tree),
        commands=bench.commands,
        env=env,
    )
    result = runner.make_test(bench.seconds)
    if result.exit_code != 0 or result.timed_out:
        raise _BrokenClaimError(
            f"`make test` ended with {result.exit_code}:\n{strip_hidden(tail(result.output))}"
        )
    return f"`make test` passed in {result.seconds:.1f} s"


def _run_scenarios(clone: CloneReader, claims: _Claims, bench: Bench, folder: Path) -> str:
    """The published scenarios, in a clone that does not hold them."""
    assert claims.tag.acceptance is not None  # noqa: S101 - else nobody asks
    try:
        scenarios = read_published(claims.tree)
    except InputError as error:
        raise _BrokenClaimError(str(error)) from error
    if not scenarios:
        return f"by the record {claims.tag.acceptance.words}; they are not published with it"
    workspace, env, fetched_folders = _prepared(clone, claims, bench, folder)
    results = run_scenarios(
        scenarios,
        name=names_of(claims.provenance.name, claims.provenance.language).package,
        language=claims.provenance.language,
        clone=workspace,
        tree=without_published(claims.tree),
        commands=bench.commands,
        seconds=bench.seconds,
        env=env,
        folders=fetched_folders,
    )
    failed = [f"{result.number}. {result.happened}" for result in results if not result.passed]
    if failed:
        raise _BrokenClaimError(f"{len(failed)} of {len(results)} scenarios fail:\n" + "\n".join(failed))
    return f"{len(results)} scenarios passed"


def _prepared(
    clone: CloneReader, claims: _Claims, bench: Bench, folder: Path
) -> tuple[Path, Mapping[str, str], tuple[str, ...]]:
    """A fresh clone with its locked dependencies, the variables by which they are found, and their folders."""
    workspace = folder / "work"
    workspace.mkdir(parents=True)
    clone.export(claims.tagged, workspace)
    online = Online(
        commands=bench.commands,
        scratch=folder / "fetched",
        indexes=bench.indexes,
        seconds=bench.seconds,
    )
    fetched = install_locked(claims.provenance.language, claims.tree, online)
    if not fetched.verdict.passed:
        raise _BrokenClaimError(fetched.verdict.saw)
    return workspace, fetched.provide(workspace), tuple(fetched.folders)


def _hold(one: str | None, other: str, broken: str) -> None:
    if one != other:
        raise _BrokenClaimError(broken.format(one or "nothing", other or "nothing"))


def _listed(urls: set[str]) -> str:
    return ", ".join(sorted(urls)) or "no paper"
