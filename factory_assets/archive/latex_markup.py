"""LaTeX markup to plain text, by pylatexenc with what its tables lack.

https://pylatexenc.readthedocs.io/en/latest/latex2text/: macros that it does not know lose their names and keep what
their braces hold.
"""

from __future__ import annotations

import logging
import re
from functools import cache

from pylatexenc import latex2text, latexwalker  # type: ignore[import-untyped]
from pylatexenc.latex2text import EnvironmentTextSpec, LatexNodes2Text, MacroTextSpec  # type: ignore[import-untyped]
from pylatexenc.latexwalker import LatexWalker, LatexWalkerError  # type: ignore[import-untyped]
from pylatexenc.macrospec import LatexContextDb, MacroSpec  # type: ignore[import-untyped]

_LABEL = re.compile(r"\\(?:label|vspace|hspace|setlength|pagestyle|thispagestyle)\s*\*?\s*\{[^{}]{0,200}\}")
_VERB = re.compile(r"\\verb\*?([^A-Za-z\s*{])([^\n]{0,200}?)\1")
_SPECIAL = re.compile(r"[\\{}$%&#^~_]")
_BEFORE_STOP = re.compile(r"[ \xa0]+([.,;])(?=\s|$)")
_COMMAND = re.compile(r"\\[A-Za-z]+\*?|[{}]|\\(?=\W)")
# The library's reader goes as deep as the markup does.
_DEEPEST = 60
_SAME = ("texttt", "textsc", "textsf", "textrm", "mbox", "fbox", "hbox", "uline", "underline", "ensuremath")
_CITED = ("cite", "citep", "citet", "citealp", "citealt", "citeauthor", "autocite", "parencite", "textcite")
_NOTES = ("title", "author", "date", "thanks", "footnote", "footnotetext", "caption")
_UNSAID = (*_NOTES, "maketitle", "includegraphics", "input", "include")
_HEADINGS = ("section", "subsection", "subsubsection", "paragraph", "subparagraph")
_UNKNOWN_FAULTS = (
    LatexWalkerError,
    RecursionError,
    IndexError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
)


def plain_text(tex: str) -> str:
    """The text without its markup; formulas are left as they are, references and footnotes are left out."""
    tex = _VERB.sub(
        lambda verbatim: _SPECIAL.sub(r"\\\g<0>", verbatim[2].replace("\\", "/")), _LABEL.sub("", tex)
    )
    if _depth(tex) > _DEEPEST:
        return _COMMAND.sub(" ", tex)
    try:
        nodes, _, _ = LatexWalker(tex, latex_context=_grammar(), tolerant_parsing=True).get_latex_nodes()
        text = str(_converter().nodelist_to_text(nodes))
    except _UNKNOWN_FAULTS:
        # Its rules look for arguments that a source need not have. Then the words have to do.
        return _COMMAND.sub(" ", tex)
    # Where a reference was left out.
    return _BEFORE_STOP.sub(r"\1", text)


def _depth(tex: str) -> int:
    depth = deepest = 0
    for edge in re.finditer(r"\\begin\b|\\end\b|[{}\[\]]", tex):
        depth = max(0, depth + (1 if edge[0] in {"\\begin", "{", "["} else -1))
        deepest = max(deepest, depth)
    return deepest


@cache
def _grammar() -> LatexContextDb:
    context = latexwalker.get_default_latex_context_db()
    one = [*_SAME, *_HEADINGS, *_NOTES]
    context.add_context_category(
        "papers",
        prepend=True,
        macros=[
            *(MacroSpec(name, "*[{" if name in _HEADINGS else "[{") for name in one),
            *(MacroSpec(name, "*[[{") for name in _CITED),
            MacroSpec("href", "{{"),
            MacroSpec("textcolor", "[{{"),
        ],
    )
    return context


@cache
def _converter() -> LatexNodes2Text:
    # What it finds odd in a stranger's source is of no use to an operator.
    logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)
    context = latex2text.get_default_latex_context_db()
    context.add_context_category(
        "papers",
        prepend=True,
        macros=[
            *(MacroTextSpec(name, "%(2)s") for name in _SAME),
            *(MacroTextSpec(name, "\n\n%(3)s\n") for name in _HEADINGS),
            *(MacroTextSpec(name, "") for name in (*_CITED, *_UNSAID)),
            MacroTextSpec("href", "%(2)s"),
            MacroTextSpec("textcolor", "%(3)s"),
        ],
        environments=[EnvironmentTextSpec(name, "%(body)s") for name in ("verbatim", "quote", "center")],
    )
    return LatexNodes2Text(latex_context=context, math_mode="verbatim", keep_comments=False)
