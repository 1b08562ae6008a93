"""The commands of the archive: arXiv's metadata on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

from factory_assets.cli.archive_texts import show_full_text
from factory_assets.cli.common import FromOption, ToOption, console
from factory_assets.cli.instance import open_instance
from factory_assets.domain.archive import MergeCounts
from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import split_arxiv_id
from factory_assets.domain.text import counted

if TYPE_CHECKING:
    from factory_assets.archive import Archive
    from factory_assets.domain.archive import ArchiveRecord

archive = typer.Typer(
    help="arXiv's metadata on this machine: load a snapshot, harvest what changed, search it, read records of it.",
    no_args_is_help=True,
)

CountOption = Annotated[int, typer.Option("--count", help="How many.", min=1, max=1000)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


@archive.command()
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One JSON object a line, plain or gzipped.")],
    as_json: JsonOption = False,
) -> None:
    """Load the public snapshot of arXiv's metadata and index it; loading it again changes nothing."""
    from factory_assets.archive.loading import load_snapshot

    archiving = open_instance().parts.archiving
    report = load_snapshot(file, archiving.archive)
    archiving.make_ready((lambda _: None) if as_json else _say)
    if as_json:
        told = {**report.counts.model_dump(), "left_out": report.left_out}
        console.print_json(data={**told, "unread": [line.model_dump() for line in report.unread]})
        return
    counts = report.counts
    _say(
        f"{file.name}: {counts.new:,} new, {counts.changed:,} changed, {counts.unchanged:,} as they were;"
        f" {counted(counts.months, 'month', 'months')} written."
    )
    if report.left_out:
        _say(f"Left out, as no records: {counted(report.left_out, 'line', 'lines')}.")
    for line in report.unread:
        _say(f"  line {line.line:,}: {line.why}")


@archive.command()
def sync(first: FromOption = None, last: ToOption = None, as_json: JsonOption = False) -> None:
    """Harvest what arXiv changed: since the last harvest, or on named dates of change. A killed one goes on."""
    archiving = open_instance().parts.archiving
    usual = archiving.next_dates()
    notify = (lambda _: None) if as_json else _say
    reports = list(archiving.harvest(first or (last or usual[0]), last or usual[1], notify))
    counts = sum((report.counts for report in reports), MergeCounts())
    unread = [one for report in reports for one in report.unread]
    dates = f"{reports[0].first} to {reports[-1].last}"
    records, requests = sum(report.records for report in reports), sum(report.requests for report in reports)
    if as_json:
        told = {
            "first": str(reports[0].first),
            "last": str(reports[-1].last),
            "records": records,
            **counts.model_dump(),
            "unread": [{"id": one.id, "why": one.why} for one in unread],
            "requests": requests,
            "seconds": round(sum(report.seconds for report in reports), 1),
        }
        console.print_json(data=told)
        return
    _say(
        f"{dates}: {counted(records, 'record', 'records')}, {counts.new:,} new, {counts.changed:,} changed,"
        f" {counts.deleted:,} deleted, {counts.unchanged:,} as they were;"
        f" {counted(counts.months, 'month', 'months')} written, {counted(requests, 'request', 'requests')}."
    )
    for one in unread:
        _say(f"  left out: {one.id}: {one.why}")


@archive.command()
def read(
    arxiv_id: Annotated[str, typer.Argument(metavar="ID", help="As 2606.01234 or hep-th/9901001.")],
    as_json: JsonOption = False,
    text: Annotated[
        bool, typer.Option("--text", help="Show its full text by sections, fetched where it is not kept.")
    ] = False,
) -> None:
    """Show what is held of one paper, or its own text."""
    if text:
        show_full_text(arxiv_id, as_json=as_json)
        return
    _show([_paper(arxiv_id)], as_json=as_json)


@archive.command()
def search(
    words: Annotated[
        list[str],
        typer.Argument(metavar="WORDS", help='Words; "two words", +word, -word and title:word work.'),
    ],
    count: CountOption = 10,
    as_json: JsonOption = False,
) -> None:
    """List the papers whose title, abstract and authors fit best; what has changed is indexed before."""
    from factory_assets.archive.search import SearchIndex

    found = SearchIndex(_archive()).search(" ".join(words), count)
    if as_json:
        console.print_json(data=[{"score": hit.score, **_dumped(hit.record)} for hit in found])
        return
    for hit in found:
        _say(f"{hit.score:6.2f}  {hit.record.arxiv_id}  {hit.record.title}")
    if not found:
        _say("Nothing was found; `factory archive stats` tells what the archive holds.")


@archive.command()
def similar(
    arxiv_id: Annotated[str, typer.Argument(metavar="ID", help="As 2606.01234 or hep-th/9901001.")],
    count: CountOption = 10,
    as_json: JsonOption = False,
) -> None:
    """List the papers nearest to one, with their cosine to it; what has changed is compared anew before.

    The space in which they are near is learned from the archive's papers when they are loaded, or made by a model when
    it is asked (FACTORY_ARCHIVE_SPACE); the first time that takes long.
    """
    paper = _paper(arxiv_id)
    found = open_instance().parts.archiving.space().similar(paper.arxiv_id, count)
    if as_json:
        console.print_json(data=[{"likeness": hit.likeness, **_dumped(hit.record)} for hit in found])
        return
    for hit in found:
        _say(f"{hit.likeness:5.3f}  {hit.record.arxiv_id}  {hit.record.title}")
    if not found:
        _say(
            "No paper of the archive has anything in common with it; `factory archive stats` tells what it holds."
        )


@archive.command()
def recent(
    count: CountOption = 10,
    as_json: JsonOption = False,
) -> None:
    """List the papers that were first submitted last."""
    found = _archive().recent(count)
    if as_json:
        _show(found, as_json=True)
        return
    for record in found:
        _say(f"{record.submitted:%Y-%m-%d}  {record.arxiv_id}  {record.title}")


@archive.command()
def stats(as_json: JsonOption = False) -> None:
    """Tell what the archive holds."""
    held = _archive().stats()
    if as_json:
        console.print_json(data=held.model_dump(mode="json"))
        return
    if not held.records:
        _say("The archive is empty: `factory archive load FILE` or `factory archive sync` fills it.")
        return
    size = held.bytes_on_disk / 2**20
    held_papers, files = counted(held.records, "paper", "papers"), counted(held.months, "file", "files")
    _say(f"{held_papers} of {held.first_month} to {held.last_month}, {size:,.1f} MB in {files}.")
    _say(f"The last change at arXiv that it knows of: {held.last_changed}.")
    for category, papers in list(held.by_category.items())[:20]:
        _say(f"  {category:<20} {papers:>10,}")


@archive.command()
def serve(
    port: Annotated[int, typer.Option(help="Where it listens on loopback.", min=1, max=65535)] = 8900,
) -> None:
    """Serve the archive over HTTP to programs of this machine, read-only (Ctrl-C stops it)."""
    import socket

    import uvicorn

    from factory_assets.archive.api import archive_app

    parts = open_instance().parts
    app = archive_app(parts.archiving.archive, parts.registry.reading().citations, parts.archiving.space())
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            raise InputError(
                f"The archive cannot listen on 127.0.0.1:{port}: {error.strerror}.",
                where="--port",
                fix="Name a free port.",
            ) from error
        _say(f"The archive: http://127.0.0.1:{port}/papers/search?q=WORDS (Ctrl-C stops it)")
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])


def _archive() -> Archive:
    from factory_assets.archive import Archive

    return Archive(open_instance().settings.archive_dir)


def _paper(arxiv_id: str) -> ArchiveRecord:
    key, _ = split_arxiv_id(arxiv_id)
    found = _archive().read([key])
    if not found:
        raise InputError(
            "The archive does not hold this paper.",
            where=key,
            fix="`factory archive stats` tells what it holds; `factory archive load FILE` and `sync` bring more.",
        )
    return found[0]


def _show(records: Sequence[ArchiveRecord], *, as_json: bool) -> None:
    if as_json:
        dumped: list[dict[str, object]] = [_dumped(record) for record in records]
        console.print_json(data=dumped)
        return
    for record in records:
        for name, value in _dumped(record).items():
            _say(f"{name.replace('_', ' ')}: {', '.join(value) if isinstance(value, list) else value}")


def _dumped(model: BaseModel) -> dict[str, object]:
    return {
        name: value for name, value in model.model_dump(mode="json").items() if value not in (None, False)
    }


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
