"""The commands of the archive that tell who cites whom."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from factory_assets.cli.archive_commands import CountOption, JsonOption
from factory_assets.cli.common import console
from factory_assets.cli.instance import open_instance
from factory_assets.domain.citations import citation_key
from factory_assets.domain.research import CitationDirection
from factory_assets.domain.text import counted

_IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As 2606.01234 or hep-th/9901001.")]
_StepsOption = Annotated[
    int, typer.Option("--steps", help="1, or 2 for theirs too, as far as they are kept.", min=1, max=2)
]


def refs(
    arxiv_id: _IdArgument, steps: _StepsOption = 1, count: CountOption = 100, as_json: JsonOption = False
) -> None:
    """List the papers of arXiv that a paper names, looked up where what is kept is older than 30 days."""
    _tell(arxiv_id, CitationDirection.REFERENCES, steps=steps, count=count, as_json=as_json)


def cited_by(
    arxiv_id: _IdArgument, steps: _StepsOption = 1, count: CountOption = 100, as_json: JsonOption = False
) -> None:
    """List the papers of arXiv that cite a paper, looked up where what is kept is older than 30 days."""
    _tell(arxiv_id, CitationDirection.CITED_BY, steps=steps, count=count, as_json=as_json)


def _tell(arxiv_id: str, direction: CitationDirection, *, steps: int, count: int, as_json: bool) -> None:
    from factory_assets.archive import Archive

    key = citation_key(arxiv_id)
    instance = open_instance()
    errors = Console(stderr=True)
    graph = instance.parts.citing.graph(
        lambda line: errors.print(line, markup=False, highlight=False, soft_wrap=True)
    )
    counts = graph.look_up([key]).get(key)
    found = graph.related(key, direction, steps=steps, count=count)
    held = {
        record.arxiv_id: record.title
        for record in Archive(instance.settings.archive_dir).read([paper.arxiv_id for paper in found])
    }
    named = [
        paper.model_copy(update={"title": held.get(paper.arxiv_id) or paper.title or "(no title)"})
        for paper in found
    ]
    if as_json:
        told = {"arxiv_id": key, "counts": counts and counts.model_dump(mode="json")}
        console.print_json(data={**told, "papers": [paper.model_dump(mode="json") for paper in named]})
        return
    if counts is None:
        _say(f"How often {key} is cited is not known; what is kept of it follows.")
    else:
        times = counted(counts.cited_by, "citation", "citations")
        references = counted(counts.references, "reference", "references")
        _say(f"{key}: {times}, {references} ({counts.source}, {counts.fetched_at:%Y-%m-%d}).")
    for paper in named:
        _say(f"{'  ' * (paper.steps - 1)}{paper.arxiv_id}  {paper.title}")
    if not named:
        _say("None of them is known to be a paper of arXiv.")


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
