"""Holds the claims of a spec against the pieces that they name: a program's reading, word for word and never fuzzy."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from factory_assets.domain.evidence import CitedPiece, Claim, ClaimKind
from factory_assets.domain.research import Piece, PieceKind
from factory_assets.domain.text import strip_hidden

MOST_CLAIMS = 30
_MOST_OF_A_CLAIM = 600
_MOST_OF_A_QUOTE = 600
_FEWEST_QUOTED = 3
# Words in a row that are no longer a coincidence.
_LONGEST_RUN = 12
# Marks that are set in one of two ways: quotation marks and apostrophes, by Unicode's names.
_SINGLE, _DOUBLE = "\u2018\u2019\u201a\u201b\u2032", "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"
_MARKS = str.maketrans({**dict.fromkeys(_SINGLE, "'"), **dict.fromkeys(_DOUBLE, '"')})
# The bar before a line, where it was copied as well.
_BAR = re.compile(r"^[ \t]*\| ?", re.MULTILINE)
# A date as a whole, 12, 1,000 (or with a space that does not break), 0.5, 1.2.3.
_NUMBER = re.compile(
    r"\d{4}-\d{2}-\d{2}|\d{1,3}(?:[,\u00a0\u202f\u2009]\d{3})+(?:\.\d+)?(?![\d])|\d+(?:\.\d+)*"
)


@dataclass(frozen=True)
class Checked:
    """What holds of some claims, and in words what is wrong with the others."""

    kept: tuple[Claim, ...]
    faults: tuple[str, ...]

    def supports(self, kind: ClaimKind) -> bool:
        """Whether a claim of that kind holds."""
        return any(claim.kind is kind for claim in self.kept)


def check_claims(claims: Sequence[Claim], read: Mapping[str, str], pieces: Mapping[str, Piece]) -> Checked:
    """Hold each claim against what can be `read` of the `pieces` that it names, by id.

    A claim with any fault is not kept: half a proof is none.
    """
    kept: list[Claim] = []
    faults: list[str] = []
    for number, claim in enumerate(claims, start=1):
        found = _faults(claim, read, pieces)
        faults += [f"claim {number} ({claim.kind}): {fault}" for fault in found]
        if number > MOST_CLAIMS:
            faults.append(f"claim {number} ({claim.kind}): there are more than {MOST_CLAIMS}")
        elif not found:
            kept.append(_tidied(claim))
    return Checked(tuple(kept), tuple(faults))


def _faults(claim: Claim, read: Mapping[str, str], pieces: Mapping[str, Piece]) -> list[str]:
    if not claim.text.strip() or len(claim.text) > _MOST_OF_A_CLAIM:
        return [f"its text is empty, or longer than {_MOST_OF_A_CLAIM} characters"]
    if not claim.pieces:
        return ["it names no piece"]
    unknown = [name for name in claim.pieces if name not in read]
    faults = [f"there is no piece {_short(name)}" for name in unknown]
    if unknown:
        return faults
    for quote in claim.quotes:
        faults += _quote_faults(quote.piece, quote.text, claim, read)
    faults += _number_faults(claim, read)
    faults += _copied_faults(claim, read, pieces)
    of_papers = any(pieces[name].kind is not PieceKind.REPOSITORY for name in claim.pieces)
    if claim.kind is ClaimKind.METHOD and not of_papers:
        faults.append("a step of the method rests on a paper, and it names repositories alone")
    return faults


def _quote_faults(name: str, text: str, claim: Claim, read: Mapping[str, str]) -> list[str]:
    if name not in claim.pieces:
        return [f"it quotes {_short(name)}, which is none of the pieces that it names"]
    quoted = normalised(text)
    if len(quoted.split()) < _FEWEST_QUOTED or len(quoted) > _MOST_OF_A_QUOTE:
        return [f"a quotation has {_FEWEST_QUOTED} words or more, and at most {_MOST_OF_A_QUOTE} characters"]
    if not _stands_in(quoted, normalised(read[name])):
        return [f"“{_short(text)}” does not stand in {name}"]
    return []


def _number_faults(claim: Claim, read: Mapping[str, str]) -> list[str]:
    known: set[str] = set()
    for name in claim.pieces:
        known |= numbers_of(read[name])
    # A claim may name the pieces in its text too.
    text = claim.text
    for name in claim.pieces:
        text = re.sub(rf"\b{re.escape(name)}\b", " ", text)
    return [
        f"the number {number} stands in none of the pieces {', '.join(claim.pieces)}"
        for number in sorted(numbers_of(text) - known)
    ]


def _copied_faults(claim: Claim, read: Mapping[str, str], pieces: Mapping[str, Piece]) -> list[str]:
    """What is said in a closed text's own words would be published with the claim."""
    said = normalised(claim.text).casefold().split()
    runs = {" ".join(said[at : at + _LONGEST_RUN]) for at in range(len(said) - _LONGEST_RUN + 1)}
    return [
        f"it repeats {_LONGEST_RUN} words or more of {name}, which may not be quoted: say it in words of your own"
        for name in claim.pieces
        if runs
        and not CitedPiece.of(pieces[name]).may_be_quoted
        and any(run in normalised(read[name]).casefold() for run in runs)
    ]


def normalised(text: str) -> str:
    """A text with its white space folded and its quotation marks straight."""
    plain = unicodedata.normalize("NFC", strip_hidden(_BAR.sub("", text)))
    return " ".join(plain.translate(_MARKS).split())


def numbers_of(text: str) -> set[str]:
    """The numbers in a text, each in one form: 1,000 is 1000, and 0.50 is 0.5."""
    return {_one_form(match[0]) for match in _NUMBER.finditer(text)}


def _one_form(number: str) -> str:
    plain = re.sub(r"[,\u00a0\u202f\u2009]", "", number)
    try:
        return format(Decimal(plain).normalize(), "f")
    except InvalidOperation:
        return plain


def _stands_in(quoted: str, text: str) -> bool:
    """Whether it stands there in whole words: `use` does not stand in `because`."""
    before = r"(?<!\w)" if quoted[0].isalnum() else ""
    after = r"(?!\w)" if quoted[-1].isalnum() else ""
    return re.search(before + re.escape(quoted) + after, text) is not None


def _tidied(claim: Claim) -> Claim:
    quotes = tuple(quote.model_copy(update={"text": normalised(quote.text)}) for quote in claim.quotes)
    return claim.model_copy(update={"text": " ".join(strip_hidden(claim.text).split()), "quotes": quotes})


def _short(text: str) -> str:
    line = " ".join(strip_hidden(text).split())
    return line if len(line) <= 120 else line[:120] + "…"
