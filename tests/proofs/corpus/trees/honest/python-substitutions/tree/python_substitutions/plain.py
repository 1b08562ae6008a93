"""Typographic characters as plain ones."""

SUBSTITUTIONS = {
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u2013": "-",
    "\u2026": "...",
}


def plain(text: str) -> str:
    """The text with every known character substituted."""
    return text.translate(str.maketrans(SUBSTITUTIONS))
