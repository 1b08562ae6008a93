"""The archive with ten thousand to a million records: loading, a day's changes, searching, similar papers, memory.

Run it alone with `python -m bench.bench_archive`; `python -m bench.bench_archive 10000 100000` takes other sizes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.archive_quality import ASKED, FIRST, PLACES, measured
from bench.archive_records import MONTHS
from bench.archive_relevance import CUT, judged
from bench.verdict import verdict
from factory_assets.archive import Archive

SIZES = (10_000, 100_000, 1_000_000)
MIB, DAY, SLOWER = 2048, 0.1, 15
# As measured once of 1,000 of 6,626 papers by bm25s and by such a space; fewer papers are easier to tell apart.
WORDS_OWN, WORDS_RECIPROCAL = 0.956, 0.972
OWN, RECIPROCAL, CATEGORY = 0.685, 0.764, 0.648
_UPSERT, _UPSERT_MONTHS = 1500, 60

_TEXT = f"""\
## Archive

Records made from the sample's papers, over {MONTHS} months of growing size; each step is a process of its own.
*Seconds* are those of a clock, *work* those in which a core was at work: where other programs run beside, only work
can be compared. A day brings {_UPSERT:,} records in {_UPSERT_MONTHS} of the months: a third are new, the others say
something else now. The space is learned from at most 50,000 papers, once; after that each paper is given its vector.

| records | step | seconds | work | work for 1,000 records | highest memory |
|--:|:--|--:|--:|--:|--:|
{{steps}}

| records | records on disk | search index | vectors | search p50 | p99 | similar p50 | p99 |
|--:|--:|--:|--:|--:|--:|--:|--:|
{{sizes}}

{{memory}}

{{day}}

{{search}}

### What is found

By {{asked}} of the sample's {{papers:,}} papers: whether a title finds its own abstract among abstracts alone, first
(R@1) or by the mean of 1 / place (MRR, among the first {PLACES}); and of the {FIRST} papers most similar to one, how
many share a category with it, and how many its first one.

| way | R@1 | MRR | shares a category | the same first one |
|:--|--:|--:|--:|--:|
{{quality}}

{{floor}}

By {{questions}} tags of the {{tagged}} papers at arXiv that Semanlink has tagged by hand (`bench/archive_relevance.py`
says where they come from, and which public sets come in no package): the tag's name is asked for, and what has the tag
is relevant.

| way | nDCG@{CUT} | MAP | MRR |
|:--|--:|--:|--:|
{{relevance}}
"""


@dataclass(frozen=True)
class _Size:
    """What each step took, and what lies on the disk then, in bytes."""

    records: int
    steps: dict[str, dict[str, float]]
    bytes_of_records: int
    bytes_of_index: int
    bytes_of_vectors: int

    @property
    def memory(self) -> float:
        return max(step["mib"] for step in self.steps.values())

    @property
    def day(self) -> float:
        """The work of a day's changes, against that of making all of it."""
        made = sum(self.steps[name]["worked"] for name in ("load", "index", "space"))
        changed = sum(self.steps[f"{name} of a day"]["worked"] for name in ("load", "index", "space"))
        return changed / made


def run(sizes: tuple[int, ...] = SIZES) -> str:
    """Measure, and return the section of RESULTS.md."""
    return told([_measured(records) for records in sizes])


def _measured(records: int) -> _Size:
    with tempfile.TemporaryDirectory(prefix="bench-archive-") as made:
        folder = Path(made) / "archive"
        steps = {name: _step(name, folder, records) for name in ("load", "index", "space")}
        steps["load of a day"] = _step("upsert", folder, records)
        steps |= {f"{name} of a day": _step(name, folder, records) for name in ("index", "space")}
        steps |= {name: _step(name, folder, records) for name in ("search", "similar")}
        return _Size(
            records,
            steps,
            Archive(folder).stats().bytes_on_disk,
            *(
                sum(path.stat().st_size for path in folder.glob(f"{form}*/**/*") if path.is_file())
                for form in ("search", "space")
            ),
        )


def _step(name: str, folder: Path, records: int) -> dict[str, float]:
    print(f"{records:,}: {name}", file=sys.stderr)
    argv = [sys.executable, "-m", "bench.archive_steps", name, str(folder), str(records)]
    took: dict[str, float] = json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout)
    return took


def told(sizes: list[_Size]) -> str:
    """The section for what was measured, with the quality measured beside."""
    papers, ways = measured()
    words, space = ways
    tagged, questions, judgements = judged()
    least, most = sizes[0].steps["search"]["p50"], sizes[-1].steps["search"]["p50"]
    found = {
        "R@1 by words": words.own < WORDS_OWN,
        "MRR by words": words.reciprocal < WORDS_RECIPROCAL,
        "R@1": space.own < OWN,
        "MRR": space.reciprocal < RECIPROCAL,
        "category": (space.category or 0) < CATEGORY,
    }
    return _TEXT.format(
        steps="\n".join(row for size in sizes for name in _made(size) for row in _step_rows(size, name)),
        sizes="\n".join(map(_size_row, sizes)),
        memory=verdict(
            f"under {MIB:,} MiB in every step", (f"{one.records:,}" for one in sizes if one.memory >= MIB)
        ),
        day=verdict(
            f"a day's changes at most {DAY:.0%} of the work of making all of it at {sizes[-1].records:,}"
            f" (it is {sizes[-1].day:.1%})",
            ("a day",) if sizes[-1].day > DAY else (),
        ),
        search=verdict(
            f"search p50 at {sizes[-1].records:,} at most {SLOWER} times that at {sizes[0].records:,}"
            f" (it is {most / least:.1f})",
            ("search",) if most > SLOWER * least else (),
        ),
        asked=min(ASKED, papers),
        papers=papers,
        quality="\n".join(
            f"| {way.way} | {way.own:.3f} | {way.reciprocal:.3f} | {_share(way.category)} | {_share(way.primary)} |"
            for way in ways
        ),
        floor=verdict(
            f"by words at least R@1 {WORDS_OWN} and MRR {WORDS_RECIPROCAL}; by the learned space R@1 {OWN}, MRR"
            f" {RECIPROCAL}, a category shared by {CATEGORY}",
            (name for name, is_missed in found.items() if is_missed),
        ),
        tagged=tagged,
        questions=questions,
        relevance="\n".join(
            f"| {way.way} | {way.ndcg:.3f} | {way.precision:.3f} | {way.reciprocal:.3f} |"
            for way in judgements
        ),
    )


def _made(size: _Size) -> list[str]:
    return [name for name in size.steps if name not in {"search", "similar"}]


def _step_rows(size: _Size, name: str) -> list[str]:
    took = size.steps[name]
    records = _UPSERT if name.endswith("of a day") else size.records
    row = (
        f"| {size.records:,} | {name} | {took['seconds']:.1f} | {took['worked']:.1f} |"
        f" {took['worked'] * 1000 / records:.2f} | {took['mib']:,.0f} MiB |"
    )
    if not took.get("learning"):
        return [row]
    return [row, f"| | of that, learning it | {took['learning']:.1f} | {took['learning_worked']:.1f} | | |"]


def _size_row(size: _Size) -> str:
    on_disk = (size.bytes_of_records, size.bytes_of_index, size.bytes_of_vectors)
    cells = [f"{count / 2**20:,.0f} MiB" for count in on_disk]
    cells += [
        f"{size.steps[name][part] * 1000:,.0f} ms"
        for name in ("search", "similar")
        for part in ("p50", "p99")
    ]
    return f"| {size.records:,} | {' | '.join(cells)} |"


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.3f}"


if __name__ == "__main__":
    print(run(tuple(map(int, sys.argv[1:])) or SIZES))
