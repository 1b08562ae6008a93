"""What arXiv's authors type as TeX in titles and names, as the letters that it means: an accent and its letter."""

from __future__ import annotations

import re
import unicodedata

from factory_assets.domain.text import single_line

_MARKS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328", "r": "\u030a", "d": "\u0323",
}  # fmt: skip
_LETTERS = {
    "ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å",
    "AA": "Å",
}  # fmt: skip
# A mark that is a letter needs a brace or a blank behind it: \c{c}, but not \chi.
_MARKED = re.compile(
    r"""\\(?:(?P<sign>['`^"~=.])\s*|(?P<word>[uvHckrd])(?:\s+|(?=\{)))"""
    r"""(?:\{\s*\\?(?P<braced>[A-Za-z])\s*\}|\\?(?P<bare>(?<=\\)[ij]\s?|(?<!\\)[A-Za-z]))"""
)
_LETTER = re.compile(r"\\(?P<name>ss|[oOlL]|ae|AE|oe|OE|aa|AA)(?![A-Za-z])(?:\{\}| )?")
_IN_BRACES = re.compile(r"\{([^\W\d_a-zA-Z])\}")


def plain(text: str) -> str:
    """The text in one line, with accented letters where TeX names such; what is none, formulas too, stays as it is."""
    if "\\" in text:
        text = _LETTER.sub(lambda found: _LETTERS[found["name"]], _MARKED.sub(_marked, text))
        text = _IN_BRACES.sub(r"\1", text)
    return single_line(text)


def _marked(found: re.Match[str]) -> str:
    letter = (found["braced"] or found["bare"]).strip()
    whole = unicodedata.normalize("NFC", letter + _MARKS[found["sign"] or found["word"]])
    # Only what there is as one letter can have been meant.
    return whole if len(whole) == 1 else found[0]


_NOTE = re.compile(r"\([^()]*\)")
_BETWEEN = re.compile(r",(?:\s*and\s)?|\sand\s|;|&")


def names(authors: str) -> tuple[str, ...]:
    """The names on arXiv's line of authors, without their affiliations, which stand in brackets.

    As https://info.arxiv.org/help/prep.html#author has them: commas or "and" between, collaborations among them.
    """
    text = plain(authors)
    while (shorter := _NOTE.sub("", text)) != text:
        text = shorter
    parts = [" ".join(part.split()).strip(" :") for part in _BETWEEN.split(text.split("(")[0])]
    found: list[str] = []
    for part in filter(None, parts):
        if found and part.rstrip(".") in {"Jr", "Sr", "II", "III", "IV"}:
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return tuple(found)
