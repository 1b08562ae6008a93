"""What `factory archive read ID --text` shows."""

from __future__ import annotations

from factory_assets.cli.common import console
from factory_assets.cli.instance import open_instance
from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import split_arxiv_id
from factory_assets.domain.text import counted


def show_full_text(arxiv_id: str, *, as_json: bool) -> None:
    """Print a paper's text by sections.

    Raises:
        InputError: arXiv has no text of it that can be read.
        InfrastructureError: it cannot be had now.
    """
    key, _ = split_arxiv_id(arxiv_id)
    found = open_instance().parts.texts.reader(_say).read(key)
    if found is None:
        raise InputError(
            "arXiv has no text of this paper that can be read: no HTML version, and no LaTeX source.",
            where=key,
            fix="Read its PDF there; it is asked for a text again after 30 days, or for a later version.",
        )
    if as_json:
        console.print_json(data=found.model_dump(mode="json"))
        return
    sections = counted(len(found.sections), "section", "sections")
    quoted = (
        "may be quoted at length, with its authors' names"
        if found.quotable
        else "single sentences may be quoted"
    )
    _say(f"{key}: {sections} from {found.source}; licence {found.licence or 'unknown'}: {quoted}.")
    for section in found.sections:
        _say(f"\n# {section.heading or '(no heading)'}\n{section.text}")


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
