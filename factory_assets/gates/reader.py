"""What a reader of a repo is shown, and what of its findings is taken for true: the rules, without the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.readings import Dispute, Finding, Judged, Reading, Severity, Standing, folded
from factory_assets.domain.trees import Tree
from factory_assets.gates.base import Context
from factory_assets.gates.material import Material, show_tree
from factory_assets.gates.names import READING

# A shorter text stands in any file, and proves nothing.
_LEAST_QUOTE = 6
# Each costs a call of its own. What is beyond it is shown, and blocks nothing.
_MOST_CONFIRMED = 6
_WORST_FIRST = tuple(Severity)
_FIX = "Fix each numbered finding, or dispute it once with a quote that proves it wrong."


@dataclass(frozen=True)
class Doubt:
    """One finding that is asked again: of which tree, and what an agent says against it, if it does."""

    finding: Finding
    material: Material
    dispute: Dispute | None = None


@dataclass(frozen=True)
class Ruling:
    """The answer to a doubt: whether the finding is true of the tree, and why."""

    is_so: bool
    why: str


class AsksModel(Protocol):
    """A model that reads. Both calls may raise FactoryError: it cannot be asked, and nothing is known."""

    @property
    def model_name(self) -> str:
        """Which model it is."""
        ...

    def findings(self, material: Material) -> Sequence[Finding]:
        """What is wrong with the tree."""
        ...

    def rule(self, doubts: Sequence[Doubt]) -> Sequence[Ruling]:
        """Whether each finding is true. Each is asked by itself; what they share is told to the model once."""
        ...


@dataclass(frozen=True)
class Before:
    """What an earlier reading of the same repo said, of which tree, and what its agent disputes since, by number."""

    reading: Reading
    tree: Tree
    disputes: Mapping[int, Dispute] = field(default_factory=dict)


@dataclass(frozen=True)
class _Entry:
    """A finding of a reading as far as it is known without a second opinion, and the doubt that one is to settle."""

    judged: Judged
    doubt: Doubt | None = None
    otherwise: Standing = Standing.NOT_CONFIRMED

    def settled(self, ruling: Ruling) -> Judged:
        standing = Standing.CONFIRMED if ruling.is_so else self.otherwise
        return self.judged.model_copy(update={"standing": standing, "said": ruling.why})


def read_tree(
    tree: Tree, evidence: Sequence[GateVerdict], model: AsksModel, *, before: Before | None, decides: bool
) -> Reading:
    """Have a tree read. Findings that would block are asked once more, each in a call of its own.

    A repo is read as a whole once: later only what was found then, and text that is new since, can block it. Otherwise
    each reading could find something else, and no repair would ever be enough. Without `decides` nothing is confirmed.
    """
    material = show_tree(tree, evidence)
    said = model.findings(material)
    found = [finding for finding in said if stands_in(finding.quote, finding.file, tree)]
    entries = list(_earlier(tree, evidence, before)) if before else []
    asked = 0
    for finding in sorted(found, key=lambda one: _WORST_FIRST.index(one.severity)):
        if any(finding.is_same(known.judged.finding) for known in entries):
            continue
        shown = Judged(finding=finding, standing=Standing.SHOWN)
        if not decides or not finding.can_block:
            entries.append(_Entry(shown))
        elif before and stands_in(finding.quote, finding.file, before.tree):
            note = "an earlier reading of this text did not raise it"
            entries.append(_Entry(shown.model_copy(update={"said": note})))
        elif asked >= _MOST_CONFIRMED:
            note = f"{_MOST_CONFIRMED} findings of this reading were asked again before it"
            entries.append(_Entry(shown.model_copy(update={"said": note})))
        else:
            asked += 1
            entries.append(_Entry(shown, Doubt(finding, show_tree(tree, evidence, needed=finding.file))))
    return Reading(
        model=model.model_name,
        judged=tuple(_settled(entries, model)),
        dropped=len(said) - len(found) + (before.reading.dropped if before else 0),
        left_out=material.left_out,
    )


def _settled(entries: Sequence[_Entry], model: AsksModel) -> Iterator[Judged]:
    doubts = [entry.doubt for entry in entries if entry.doubt]
    rulings = iter(model.rule(doubts) if doubts else ())
    for entry in entries:
        yield entry.settled(next(rulings)) if entry.doubt else entry.judged


def _earlier(tree: Tree, evidence: Sequence[GateVerdict], before: Before) -> Iterator[_Entry]:
    """The findings of an earlier reading as they stand now: those that blocked are asked again, or struck."""
    number = 0
    for judged in before.reading.judged:
        if judged.standing is not Standing.CONFIRMED:
            yield _Entry(judged)
            continue
        number += 1
        finding = judged.finding
        if not stands_in(finding.quote, finding.file, tree):
            note = "the text that it quotes is gone"
            yield _Entry(judged.model_copy(update={"standing": Standing.FIXED, "said": note}))
            continue
        dispute = None if judged.disputed else before.disputes.get(number)
        if dispute and not any(stands_in(dispute.quote, path, tree) for path in tree):
            dispute = None
        yield _Entry(
            judged.model_copy(update={"disputed": judged.disputed or dispute is not None}),
            Doubt(finding, show_tree(tree, evidence, needed=finding.file), dispute),
            otherwise=Standing.STRUCK if dispute else Standing.FIXED,
        )


def stands_in(quote: str, path: str, tree: Tree) -> bool:
    """Whether a text stands in a file of the tree, white space and hidden characters aside."""
    wanted = folded(quote)
    # As it was shown: the delimiters of a prompt are written otherwise in what it quotes.
    forms = {wanted, wanted.replace("&lt;", "<")}
    return (
        len(wanted) >= _LEAST_QUOTE
        and path in tree
        and any(form in folded(tree[path].text) for form in forms)
    )


def judge_by_reading(context: Context) -> GateVerdict:
    """The verdict of the reader, which is not asked where there is none."""
    assert context.read is not None  # noqa: S101 - see build.judge
    return context.read()


def verdict_of(reading: Reading) -> GateVerdict:
    """The verdict of the gate: refused where a finding is confirmed. Its evidence lists all findings."""
    blocking = reading.blocking
    others = [judged for judged in reading.judged if judged.standing is not Standing.CONFIRMED]
    head = f"{len(reading.judged)} findings by {reading.model}, {len(blocking)} confirmed"
    if reading.dropped:
        head += f"; {reading.dropped} dropped, because the text that they quote stands nowhere"
    lines = [head]
    for number, judged in enumerate(blocking, start=1):
        lines += _lines(f"{number}.", judged)
    for judged in others:
        lines += _lines(f"({judged.standing})", judged)
    return GateVerdict(
        gate=READING,
        phase=Phase.REVIEW,
        passed=not blocking,
        saw="\n".join([*lines, *(f"not read: {name}" for name in reading.left_out)]),
        fix=_FIX if blocking else "",
    )


def _lines(mark: str, judged: Judged) -> Iterator[str]:
    finding = judged.finding
    yield f"{mark} {finding.file}:{finding.line}: {finding.kind}, {finding.severity}: {folded(finding.why)}"
    yield f"   quote: {folded(finding.quote)}"
    yield f"   fix: {folded(finding.fix)}"
    if judged.said:
        yield f"   {judged.standing}: {folded(judged.said)}"
