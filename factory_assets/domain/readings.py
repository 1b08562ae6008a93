"""What a model that has not written the code finds when it reads a repo, and what becomes of each finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.renamed import Fix
from factory_assets.domain.text import strip_hidden

# Where an agent says why a finding is wrong; the factory takes it out of the workspace before it commits.
DISPUTES_FILE = "DISPUTES.md"
# The stage in the ledger of the reader's calls, which belong to a build and to none of its phases.
READ_STAGE = "read"


class ReaderMode(StrEnum):
    """Whether the reader is asked, and whether what it finds can refuse a repo."""

    DECIDE = "decide"
    ADVISE = "advise"
    OFF = "off"


class FindingKind(StrEnum):
    """What can be wrong with a repo that no program has noticed."""

    MISSING = "missing behaviour"
    NOT_THERE = "documented and not there"
    WRONG = "wrong against the spec"
    UNMEASURED = "unmeasured figure"
    EMPTY_TEST = "test that proves nothing"
    HARD_CODED = "hard-coded answer"
    INSTRUCTION = "instruction to later agents"
    UNSAFE = "unsafe habit"


class Severity(StrEnum):
    """How bad it is for whoever uses the repo."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


# Of these a reader can be sure by comparing two texts. The others are matters of degree: only the worst can block.
_PLAIN = frozenset(
    {
        FindingKind.NOT_THERE,
        FindingKind.WRONG,
        FindingKind.UNMEASURED,
        FindingKind.HARD_CODED,
        FindingKind.INSTRUCTION,
    }
)


class Finding(BaseModel):
    """One thing that is wrong. `quote` is a text of `file`; `line` is where it begins there, as far as is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FindingKind
    severity: Severity
    file: str
    line: int
    quote: str
    why: str
    fix: Fix

    @property
    def can_block(self) -> bool:
        """Whether it blocks the repo, once it is confirmed."""
        return self.severity is Severity.CRITICAL or (self.severity is Severity.MAJOR and self.kind in _PLAIN)

    def is_same(self, other: Finding) -> bool:
        """Whether both say the same of the same text."""
        same_text = (self.file, folded(self.quote)) == (other.file, folded(other.quote))
        return same_text and self.kind is other.kind


class Standing(StrEnum):
    """What has become of a finding. Only a confirmed one blocks; fixed and struck ones were confirmed once."""

    SHOWN = "shown"
    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not confirmed"
    STRUCK = "struck"
    FIXED = "fixed"

    @classmethod
    def _missing_(cls, value: object) -> Standing | None:
        """Earlier versions called a fixed one mended."""
        return cls.FIXED if value == "mended" else None


_CONFIRMED = frozenset({Standing.CONFIRMED, Standing.FIXED, Standing.STRUCK})


class Judged(BaseModel):
    """A finding and its standing. `said` is why: the words of the second call, or the factory's own.

    `disputed` is whether an agent has disputed it, which it can do once.
    """

    model_config = ConfigDict(frozen=True)

    finding: Finding
    standing: Standing
    disputed: bool = False
    said: str = ""


class Reading(BaseModel):
    """What is known of a repo after a reading of its tree, the findings of its earlier trees included.

    `dropped` counts findings whose quote stands nowhere, `left_out` says what the reader was not shown.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    judged: tuple[Judged, ...] = ()
    dropped: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def blocking(self) -> tuple[Judged, ...]:
        """The findings that refuse the tree."""
        return tuple(judged for judged in self.judged if judged.standing is Standing.CONFIRMED)

    @property
    def counts(self) -> ReadingCounts:
        """How many findings of each kind, and what became of them."""
        return counts_of((self,))


class ReadingCounts(BaseModel):
    """The findings of a repo by kind, and by which model. `dropped` ones count nowhere else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    found: Mapping[str, int] = {}
    confirmed: Mapping[str, int] = {}
    disputed: Mapping[str, int] = {}
    struck: Mapping[str, int] = {}
    dropped: int = 0

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """Each kind with how many were found, confirmed, disputed and struck, the most frequent first."""
        parts = (self.confirmed, self.disputed, self.struck)
        return [
            (kind, str(found), *(str(part.get(kind, 0)) for part in parts))
            for kind, found in sorted(self.found.items(), key=lambda item: (-item[1], item[0]))
        ]

    @property
    def words(self) -> str:
        """How many were found and confirmed, in a line."""
        found, confirmed = sum(self.found.values()), sum(self.confirmed.values())
        if not found:
            return "nothing"
        if not confirmed:
            return f"{found}, of which none was confirmed"
        return f"{found}, of which {confirmed} {'was' if confirmed == 1 else 'were'} confirmed"


class Dispute(BaseModel):
    """What an agent says against a finding: a text of the repo, and why that proves it wrong."""

    model_config = ConfigDict(frozen=True)

    quote: str
    why: str


def folded(text: str) -> str:
    """A text as quotes are compared: without what a reader cannot see, each run of white space one blank."""
    return " ".join(strip_hidden(text).split())


def counts_of(readings: Collection[Reading]) -> ReadingCounts:
    """The findings of these repos, one reading of each."""
    all_judged = [judged for reading in readings for judged in reading.judged]
    return ReadingCounts(
        model=", ".join(dict.fromkeys(reading.model for reading in readings)),
        found=_by_kind(all_judged),
        confirmed=_by_kind(judged for judged in all_judged if judged.standing in _CONFIRMED),
        disputed=_by_kind(judged for judged in all_judged if judged.disputed),
        struck=_by_kind(judged for judged in all_judged if judged.standing is Standing.STRUCK),
        dropped=sum(reading.dropped for reading in readings),
    )


def _by_kind(judged: Iterable[Judged]) -> dict[str, int]:
    return dict(sorted(Counter(item.finding.kind.value for item in judged).items()))
