"""LaTeX sources to plain sections."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from factory_assets.archive.latex_text import read_latex


def sections(body: str, **files: str) -> list[tuple[str, str]]:
    main = f"\\documentclass{{article}}\n\\begin{{document}}\n{body}\n\\end{{document}} junk"
    found = read_latex(
        {"paper/main.tex": main, **{f"paper/{name}.tex": text for name, text in files.items()}}
    )
    assert found is not None
    return [(section.heading, section.text) for section in found.sections]


def test_files_that_the_document_names_stand_in_their_places() -> None:
    body = r"\input{intro} \include{method.tex} \subimport{./}{end}"
    assert sections(
        body,
        intro=r"\section{Introduction}First. \input deeper",
        method=r"\section*{The {method}}Second.",
        end=r"\section[short]{End}Last.",
        deeper="Deeper.",
    ) == [("Introduction", "First. Deeper."), ("The method", "Second."), ("End", "Last.")]


def test_files_outside_the_archive_and_circles_are_left_out() -> None:
    body = r"\section{A}One. \input{/etc/passwd} \input{../../../etc/passwd} \input{one}"
    assert sections(body, one=r"Two. \input{one} \input{main}") == [("A", "One. Two.")]


def test_markup_goes_and_formulas_stay() -> None:
    body = (
        r"\section{A}\label{a} It is \emph{new}~\cite[see][]{a,b}, 5\% ``better''. % a comment"
        "\n"
        r"See \href{http://x.example}{this} or \verb|a_b| or \texttt{c\_d}.\footnote{A note.}"
        "\n\n"
        r"Let $x_{t} \in \R$."
        "\n"
        r"\begin{itemize}\item one \item[b] two\end{itemize}"
        r"\begin{figure}\caption{Not this}\begin{tabular}{c}nor this\end{tabular}\end{figure}"
        r"\subsection{Parts} \begin{algorithm}\begin{algorithmic}\STATE do it\end{algorithmic}\end{algorithm}"
        r"\begin{thebibliography}{9}\bibitem{a} Somebody.\end{thebibliography}"
    )
    ((heading, text),) = sections(r"\newcommand{\R}{\mathbb{R}}" + body)
    assert heading == "A"
    assert text.splitlines() == [
        "It is new, 5% “better”.",
        "See this or a_b or c_d.",
        r"Let $x_{t} \in {\mathbb{R}}$.",
        "* one",
        "b two",
        "Parts",
        "do it",
    ]


def test_a_tool_that_is_named_by_a_macro_has_its_name() -> None:
    body = r"\newcommand{\tool}{FooNet\xspace}\def\other{Bar}\section{The \tool way}\tool is not \other{}; \undefined."
    assert sections(body) == [("The FooNet way", "FooNet is not Bar;.")]


def test_the_abstract_is_told_apart() -> None:
    found = read_latex(
        {"a.tex": r"\documentclass{a}\begin{document}\begin{abstract}In short.\end{abstract}\end{document}"}
    )
    assert found is not None
    assert (found.sections, found.abstract) == ((), "In short.")


def test_of_several_documents_the_longest_is_the_paper_and_without_any_there_is_none() -> None:
    document = "\\documentclass{{a}}\\begin{{document}}\\section{{{}}}{}\\end{{document}}"
    found = read_latex(
        {"a.tex": document.format("Reply", "No."), "b.tex": document.format("Paper", "Yes. " * 20)}
    )
    assert found is not None
    assert [section.heading for section in found.sections] == ["Paper"]
    assert read_latex({"macros.tex": r"\def\a{b} % \documentclass{a}"}) is None
    assert read_latex({}) is None


def test_chapters_hold_their_sections() -> None:
    assert [heading for heading, _ in sections(r"\chapter{One}\section{Part}x\chapter{Two}y")] == [
        "One",
        "Two",
    ]


@pytest.mark.parametrize(
    "hostile",
    [
        "{",
        "}",
        "$",
        "[",
        "\\",
        "\\a",
        "\\begin{a}",
        "\\begin{figure}",
        "\\begin{abstract}",
        "\\section{",
        "\\cite[",
        "\\(",
        "\\newcommand{\\a}{",
        "\\input{x}",
        "\\input ",
        "\\label{",
        "%",
        "\\verb",
        "\\left(",
    ],
)
def test_a_hostile_source_comes_to_an_end(hostile: str) -> None:
    start = time.monotonic()
    files = {
        "m.tex": r"\documentclass{a}\begin{document}" + hostile * (60_000 // len(hostile)),
        "x.tex": "y" * 100,
    }
    assert read_latex(files) is not None
    assert time.monotonic() - start < 20


def test_macros_that_double_each_other_come_to_an_end() -> None:
    names = "abcdefghijklmnop"
    doubling = "".join(rf"\def\{one}{{\{two}\{two}}}" for one, two in pairwise(names))
    assert len(sections(rf"{doubling}\section{{A}}" + r"\a " * 1_000)) <= 1
