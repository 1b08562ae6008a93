"""Asks for a spec from the evidence around one candidate, and again once for what does not hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue

from factory_assets.admission import InvalidSpec, check_spec
from factory_assets.domain.evidence import CitedPiece, Claim, ClaimKind, SpecEvidence
from factory_assets.domain.research import Piece
from factory_assets.domain.specs import Spec
from factory_assets.ideas.evidence import Checked, check_claims
from factory_assets.ideas.showing import Shown, as_data, show
from factory_assets.llm.asking import Asker, Request, read_form, schema_of
from factory_assets.llm.prompts import Prompts

TEMPLATE = "synthesize"
# A spec is about 500 tokens and a claim 80; the model's thinking counts as well.
MAX_OUTPUT_TOKENS = 16_000
# A spec whose problem or method rests on nothing is none.
_NEEDED = (ClaimKind.PROBLEM, ClaimKind.METHOD)


class _Form(BaseModel):
    """The answer as it is asked for."""

    spec: Spec | None
    why_none: str
    claims: list[Claim]


class _Draft(BaseModel):
    """The answer as it is read: the spec is looked at by itself, because its faults can be mended."""

    spec: JsonValue
    why_none: str = ""
    claims: list[Claim] = []


ANSWER_SCHEMA = schema_of(_Form)


@dataclass(frozen=True)
class Material:
    """What one spec is to be made from. `task` is synthesize, or fuse; `candidate` the arXiv ids that it is about."""

    task: str
    day: str
    candidate: tuple[str, ...]
    pieces: tuple[Piece, ...]
    gaps: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What its answers are kept as."""
        return f"{self.task} {' '.join(self.candidate)}"


@dataclass(frozen=True)
class Made:
    """A spec and what it rests on."""

    spec: Spec
    evidence: SpecEvidence
    unsupported: tuple[str, ...]


@dataclass(frozen=True)
class NotMade:
    """No spec: under what name one was proposed, and why there is none. `declined` is the model's own decision."""

    name: str
    reasons: tuple[str, ...]
    declined: bool = False


@dataclass(frozen=True)
class _Judged:
    draft: _Draft
    spec: Spec | InvalidSpec
    checked: Checked
    faults: tuple[str, ...]

    @property
    def cited(self) -> set[str]:
        return {name for claim in self.checked.kept for name in claim.pieces}


def make_spec(
    material: Material, *, asker: Asker, prompts: Prompts, taken: Collection[str], more: bool
) -> Made | NotMade:
    """One spec from its evidence; what is wrong with the first answer is asked for again, once.

    With `more`, the next candidate follows at once.

    Raises:
        FactoryError: as `Asker.ask`.
    """
    shown = show(material.pieces)
    first = _ask(material, shown, asker, prompts, more=more)
    if first.spec is None:
        return _declined(material, first)
    judged = _judge(first, material, shown, taken)
    if judged.faults:
        again = _ask(material, shown, asker, prompts, before=judged, more=more)
        if again.spec is None:
            return _declined(material, again)
        judged = _judge(again, material, shown, taken)
    if isinstance(judged.spec, InvalidSpec):
        return NotMade(judged.spec.name, judged.spec.reasons)
    if lacking := _lacking(judged, material, shown):
        return NotMade(judged.spec.name, (*lacking, *judged.checked.faults))
    return Made(judged.spec, _evidence(judged, material, shown, asker.model_name), judged.checked.faults)


def _declined(material: Material, draft: _Draft) -> NotMade:
    why = " ".join(draft.why_none.split())[:300]
    return NotMade(
        " ".join(material.candidate), (why or "the model saw nothing worth building",), declined=True
    )


def _ask(
    material: Material,
    shown: Shown,
    asker: Asker,
    prompts: Prompts,
    *,
    more: bool,
    before: _Judged | None = None,
) -> _Draft:
    told = {
        "work": material.task,
        "day": material.day,
        "candidate": " ".join(material.candidate),
        "pieces": shown.text,
        "gaps": as_data("\n".join(material.gaps)),
        "answer": as_data(before.draft.model_dump_json(indent=1)) if before else "",
        "faults": as_data("\n".join(before.faults)) if before else "",
    }

    def prompt(reminder: str) -> str:
        return prompts.request(TEMPLATE, **told, reminder=reminder)

    label = f"{material.label} again" if before else material.label
    request = Request(label, prompts.instructions(TEMPLATE), prompt, ANSWER_SCHEMA, MAX_OUTPUT_TOKENS)
    return asker.ask(request, lambda text: read_form(_Draft, text), more=more)


def _judge(draft: _Draft, material: Material, shown: Shown, taken: Collection[str]) -> _Judged:
    by_id = {piece.id: piece for piece in shown.pieces}
    checked = check_claims(draft.claims, shown.read, by_id)
    cited = {name for claim in checked.kept for name in claim.pieces}
    papers = _papers_of([piece for piece in shown.pieces if piece.id in cited], material.candidate)
    proposal = draft.spec
    if isinstance(proposal, dict):
        # Whatever it names itself: a spec rests on what its claims rest on. Without any, on what it is about.
        proposal = {**proposal, "source_papers": list(papers or material.candidate)}
    spec = check_spec(proposal, sent={*papers, *material.candidate}, taken=taken)
    judged = _Judged(draft, spec, checked, ())
    reasons = spec.reasons if isinstance(spec, InvalidSpec) else ()
    faults = (*reasons, *checked.faults, *_lacking(judged, material, shown))
    return _Judged(draft, spec, checked, faults)


def _papers_of(pieces: Sequence[Piece], candidate: Collection[str]) -> tuple[str, ...]:
    """The papers of these pieces, each once, the candidate's own first."""
    found = dict.fromkeys(piece.arxiv_id for piece in pieces if piece.arxiv_id)
    return tuple(sorted(found, key=lambda paper: paper not in candidate))


def _lacking(judged: _Judged, material: Material, shown: Shown) -> tuple[str, ...]:
    lacking = [
        f"no claim of the kind `{kind}` holds" for kind in _NEEDED if not judged.checked.supports(kind)
    ]
    about = {piece.id: piece.arxiv_id for piece in shown.pieces}
    steps = [claim for claim in judged.checked.kept if claim.kind is ClaimKind.METHOD]
    used = {about[name] for claim in steps for name in claim.pieces} & set(material.candidate)
    needed = min(2, len(material.candidate))
    if steps and len(used) < needed:
        lacking.append(
            f"steps of the method rest on {len(used)} of the candidates {', '.join(material.candidate)},"
            f" and {needed} are needed"
        )
    return tuple(lacking)


def _evidence(judged: _Judged, material: Material, shown: Shown, model: str) -> SpecEvidence:
    cited = judged.cited
    return SpecEvidence(
        route="fusion" if material.task == "fuse" else "research",
        model=model,
        claims=judged.checked.kept,
        pieces=tuple(CitedPiece.of(piece) for piece in shown.pieces if piece.id in cited),
        gaps=material.gaps,
    )
