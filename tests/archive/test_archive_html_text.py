"""LaTeXML's pages to plain sections."""

from __future__ import annotations

import time

import pytest
from arxiv_texts_server import NO_HTML, NOT_PUBLIC, page

from factory_assets.archive.html_text import read_html


def sections(body: bytes) -> dict[str, str]:
    found = read_html(body)
    assert found is not None
    return {section.heading: section.text for section in found.sections}


def test_sections_have_their_headings_and_text_and_nothing_of_the_pages_frame() -> None:
    found = read_html(
        page(("Introduction", "We\n begin."), ("Method", "We do."), abstract="In short.", version=3)
    )
    assert found is not None
    assert [(one.heading, one.text) for one in found.sections] == [
        ("1 Introduction", "We begin."),
        ("2 Method", "We do."),
    ]
    assert (found.abstract, found.version) == ("In short.", 3)


def test_formulas_are_read_by_their_tex_and_subsections_stand_in_their_section() -> None:
    body = (
        'with <math alttext="x\n_{t}" display="inline"><semantics><mi>x</mi></semantics></math>.'
        '</p></div><section class="ltx_subsection"><h3 class="ltx_title ltx_title_subsection">'
        '<span class="ltx_tag">1.1 </span>Parts</h3><p class="ltx_p">Of it:</p>'
        '<table class="ltx_equation ltx_eqn_table"><tr><td><math alttext="a=b"></math></td>'
        '<td class="ltx_eqn_eqno">(1)</td></tr></table><ul class="ltx_itemize"><li class="ltx_item">one</li></ul>'
        "</section><div><p>"
    )
    assert sections(page(("Method", body)))["1 Method"].splitlines() == [
        "with $x _{t}$.",
        "1.1 Parts",
        "Of it:",
        "$a=b$",
        "one",
    ]


def test_figures_tables_notes_and_references_are_left_out_and_algorithms_are_not() -> None:
    body = (
        'Kept<span class="ltx_note ltx_role_footnote"><sup class="ltx_note_mark">1</sup>A note.</span>.'
        '<figure class="ltx_figure"><img src="x.png"/><figcaption>A figure.</figcaption></figure>'
        '<figure class="ltx_table"><table class="ltx_tabular"><tr><td>0.5</td></tr></table></figure>'
        '<figure class="ltx_figure"><figure class="ltx_float ltx_float_algorithm"><div class="ltx_listing">'
        '<div class="ltx_listingline"><span class="ltx_tag ltx_tag_listingline">1:</span>repeat</div>'
        '<div class="ltx_listingline">return it</div></div></figure></figure>'
        '<span class="ltx_ERROR undefined">\\foo</span><script>alert(1)</script>'
    )
    assert sections(page(("Method", body)))["1 Method"] == "Kept.\n1: repeat\nreturn it"


def test_a_letter_without_sections_is_one_text() -> None:
    assert sections(page(extra='<div class="ltx_para"><p class="ltx_p">All of it.</p></div>')) == {
        "": "All of it."
    }


def test_what_a_reader_cannot_see_and_broken_bytes_do_no_harm() -> None:
    body = page(("Me\u200bthod", "hid\u200bden \x00ü")).replace("ü".encode(), b"\xff")
    assert sections(body) == {"1 Method": "hidden \ufffd"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"<",
        NO_HTML,
        NOT_PUBLIC,
        b"%PDF-1.5 \xff\xfe",
        b"<html><body><p>Please show that you are no robot.</p></body></html>",
        page(
            ("Method", "It breaks"), extra="<p>Conversion to HTML had a Fatal error and exited abruptly.</p>"
        ),
    ],
)
def test_what_is_no_paper_is_none(body: bytes) -> None:
    assert read_html(body) is None


@pytest.mark.parametrize("element", ["<div>", "<b>", '<section class="ltx_section">', "<math>", "<p>"])
def test_a_page_that_nests_without_end_is_read_in_a_moment(element: str) -> None:
    start = time.monotonic()
    read_html(page(("Method", f"{element}x" * 20_000)))
    assert time.monotonic() - start < 20


def test_subsections_that_stand_alone_are_sections_and_notices_before_them_are_left_out() -> None:
    extra = (
        '<p class="ltx_p">Permission is granted to copy this.</p><section class="ltx_subsection">'
        '<h3 class="ltx_title ltx_title_subsection">1.1 First</h3><p class="ltx_p">One.</p></section>'
    )
    assert sections(page(extra=extra)) == {"1.1 First": "One."}


def test_a_text_that_begins_before_its_first_section_keeps_its_beginning() -> None:
    extra = f'<p class="ltx_p">{"We begin here. " * 50}</p><section class="ltx_section"><p>The rest.</p></section>'
    found = read_html(page(extra=extra))
    assert found is not None
    assert [len(section.text) for section in found.sections] == [749, 9]
