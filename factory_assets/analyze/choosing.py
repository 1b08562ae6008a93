"""From proposals to the specs of a day: validated, corrected once, and ranked over all batches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from pydantic import JsonValue

from factory_assets.admission import InvalidSpec, check_spec
from factory_assets.analyze.answers import NAMES_SCHEMA, SPECS_SCHEMA, read_names, read_specs
from factory_assets.analyze.batches import as_data, paper_text, title_line
from factory_assets.analyze.reading import MAX_OUTPUT_TOKENS, Piece
from factory_assets.domain.analysis_report import DroppedSpec
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.specs import Spec
from factory_assets.llm.asking import Asker, Request, one_line
from factory_assets.llm.prompts import Prompts

MERGE_OUTPUT_TOKENS = 16_000


@dataclass
class Slot:
    """A proposal's place in the ranking of its piece: a spec, or what is wrong with it."""

    piece: Piece
    content: Spec | InvalidSpec


@dataclass
class Chosen:
    """The day's specs as they fill up, and what was dropped on the way."""

    taken: set[str]
    slots: list[Slot] = field(default_factory=list)
    dropped: list[DroppedSpec] = field(default_factory=list)

    def drop(self, name: str, *reasons: str) -> None:
        """Leave a proposal out, and say why."""
        self.dropped.append(DroppedSpec(name=name, reasons=reasons))

    def check(self, piece: Piece, proposal: JsonValue) -> Spec | InvalidSpec:
        """Validate against the piece's papers and all names so far; a valid spec's name is taken from now."""
        content = check_spec(proposal, sent=piece.ids, taken=self.taken)
        if isinstance(content, Spec):
            self.taken.add(content.name)
        return content

    @property
    def invalid(self) -> list[Slot]:
        """The slots that hold no spec."""
        return [slot for slot in self.slots if isinstance(slot.content, InvalidSpec)]


def validate(proposals: Sequence[tuple[Piece, list[JsonValue]]], taken: Collection[str]) -> Chosen:
    """Check every proposal by itself; more than were asked for are dropped."""
    chosen = Chosen(taken=set(taken))
    for piece, items in proposals:
        for item in items[: piece.wanted]:
            chosen.slots.append(Slot(piece, chosen.check(piece, item)))
        for item in items[piece.wanted :]:
            chosen.drop(InvalidSpec(item, ()).name, f"beyond the {piece.wanted} asked for")
    return chosen


def repair(chosen: Chosen, *, asker: Asker, prompts: Prompts) -> None:
    """Ask once for the invalid ones again, with the reasons; drop what still is none.

    A failure here costs the invalid ones only, unless there is no valid spec to save.

    Raises:
        FactoryError: the request failed and not one spec is valid.
    """
    broken = chosen.invalid
    if not broken:
        return
    corrected: list[JsonValue] = []
    try:
        corrected = asker.ask(_repair_request(broken, asker, prompts), read_specs)
    except FactoryError as error:
        if len(broken) == len(chosen.slots):
            raise
        asker.note(f"repair failed, {len(broken)} invalid specs dropped: {one_line(error)}")
    for slot, proposal in _paired(broken, corrected):
        slot.content = chosen.check(slot.piece, proposal)
    for slot in chosen.invalid:
        if isinstance(slot.content, InvalidSpec):
            chosen.drop(slot.content.name, *slot.content.reasons)
    chosen.slots = [slot for slot in chosen.slots if isinstance(slot.content, Spec)]


def _paired(broken: Sequence[Slot], corrected: Sequence[JsonValue]) -> list[tuple[Slot, JsonValue]]:
    """Which correction belongs to which slot: by the name where it was kept, the others in their order."""
    names = [InvalidSpec(item, ()).name for item in corrected]
    pairs: list[tuple[Slot, JsonValue]] = []
    waiting: list[Slot] = []
    free = list(range(len(corrected)))
    for slot in broken:
        name = slot.content.name
        index = next((index for index in free if names[index] == name), None)
        if index is None:
            waiting.append(slot)
        else:
            free.remove(index)
            pairs.append((slot, corrected[index]))
    return pairs + [(slot, corrected[index]) for slot, index in zip(waiting, free, strict=False)]


def _repair_request(broken: Sequence[Slot], asker: Asker, prompts: Prompts) -> Request:
    found = [(slot.piece, slot.content) for slot in broken if isinstance(slot.content, InvalidSpec)]
    known = {paper.arxiv_id: paper for piece, _ in found for paper in piece.papers}
    cited = {paper_id for _, invalid in found for paper_id in invalid.cited}
    astray = any(not invalid.cited or invalid.cited - piece.ids for piece, invalid in found)
    papers = [paper_text(known[paper_id]) for paper_id in known if paper_id in cited]
    if astray:
        papers += [title_line(known[paper_id]) for paper_id in known if paper_id not in cited]
    invalid = [
        {"text": as_data(item.text), "reasons": [as_data(reason) for reason in item.reasons]}
        for _, item in found
    ]

    def prompt(reminder: str) -> str:
        text = prompts.request("repair", day=asker.about, invalid=invalid, papers=papers)
        return f"{text}\n\n{reminder}".rstrip()

    return Request("repair", prompts.instructions("analyze"), prompt, SPECS_SCHEMA, MAX_OUTPUT_TOKENS)


def rank(chosen: Chosen, *, asker: Asker, prompts: Prompts, specs_wanted: int) -> list[Spec]:
    """The day's specs, best first: in the order of the one piece, or by a merge ranking over several.

    Where the merge ranking fails, the pieces' own rankings are interleaved and a note says so.
    """
    by_piece: dict[str, list[Spec]] = {}
    for slot in chosen.slots:
        if isinstance(slot.content, Spec):
            by_piece.setdefault(slot.piece.label, []).append(slot.content)
    interleaved = [spec for row in zip_longest(*by_piece.values()) for spec in row if spec is not None]
    ranked = interleaved
    if len(by_piece) > 1:
        try:
            ranked = _merge(interleaved, asker=asker, prompts=prompts, specs_wanted=specs_wanted)
        except FactoryError as error:
            asker.note(f"merge failed, the batches' own rankings are interleaved: {one_line(error)}")
    # A ranking that stops early must not cost a spec while there is room for it.
    named = {spec.name for spec in ranked}
    ranked = [*ranked, *(spec for spec in interleaved if spec.name not in named)]
    kept = ranked[:specs_wanted]
    names = {spec.name for spec in kept}
    for spec in interleaved:
        if spec.name not in names:
            chosen.drop(spec.name, "not chosen in the ranking over all batches")
    return kept


def _merge(candidates: Sequence[Spec], *, asker: Asker, prompts: Prompts, specs_wanted: int) -> list[Spec]:
    by_name = {spec.name: spec for spec in candidates}
    texts = [_candidate_text(spec) for spec in candidates]

    def prompt(reminder: str) -> str:
        return prompts.request(
            "merge", day=asker.about, candidates=texts, specs_wanted=specs_wanted, reminder=reminder
        )

    request = Request("merge", prompts.instructions("merge"), prompt, NAMES_SCHEMA, MERGE_OUTPUT_TOKENS)
    names = asker.ask(request, lambda text: read_names(text, by_name))
    return [by_name[name] for name in names]


def _candidate_text(spec: Spec) -> str:
    lines = (
        "<candidate>",
        f"Name: {spec.name}",
        f"Language: {spec.language}, {spec.estimated_lines} lines, {spec.complexity} complexity",
        f"Papers: {', '.join(f'[{paper}]' for paper in spec.source_papers)}",
        *(
            f"{label}: {as_data(' '.join(text.split()))}"
            for label, text in (
                ("Problem", spec.problem),
                ("Solution", spec.solution),
                ("Who pays", spec.who_pays),
                ("Integration point", spec.integration_point),
                ("Moat", spec.moat),
            )
        ),
        "</candidate>",
    )
    return "\n".join(lines)
