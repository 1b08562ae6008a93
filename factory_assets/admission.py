"""The border of the queue: what a spec must fulfil to come in, from the analysis or from outside.

What stands in the queue already is a `Spec` and is read as it is, so that a rule that is new here breaks no spec
that was queued before it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue, ValidationError, model_validator

from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import split_arxiv_id
from factory_assets.domain.sizes import LARGEST, MAX_LINES, MIN_LINES, SMALLEST, too_large
from factory_assets.domain.specs import Language, Spec
from factory_assets.languages.names import language_named, refusal


class NewSpec(Spec):
    """A spec that comes in: its repo's name is one that a repo of its language can have, in any spelling of that."""

    language: Annotated[Language, BeforeValidator(language_named)]

    @model_validator(mode="after")
    def _name_is_possible(self) -> NewSpec:
        if reason := refusal(self.name, self.language):
            raise ValueError(f"name: {reason}")
        return self

    def to_spec(self) -> Spec:
        """The spec as the queue holds it."""
        return Spec.model_validate(self.model_dump())


class ProposedSpec(NewSpec):
    """A spec of the analysis: small enough to be built in one sitting."""

    estimated_lines: int = Field(ge=MIN_LINES, le=MAX_LINES, description="Lines of code, tests left out.")


class OfferedSpec(NewSpec):
    """A spec from outside. It may be larger than what the analysis proposes; domain/sizes.py says by how much."""

    estimated_lines: int = Field(ge=SMALLEST, description="Lines of code, tests left out.")

    @model_validator(mode="after")
    def _size_is_possible(self) -> OfferedSpec:
        if self.estimated_lines > LARGEST:
            raise ValueError(f"estimated_lines: {too_large(self.estimated_lines)}")
        return self


def reasons_of(error: ValidationError) -> tuple[str, ...]:
    """Every fault that was found, each beginning with the field that it is in."""
    return tuple(
        ": ".join(
            part
            for part in (
                ".".join(str(step) for step in problem["loc"]),
                problem["msg"].removeprefix("Value error, "),
            )
            if part
        )
        for problem in error.errors(include_url=False)
    )


@dataclass(frozen=True)
class InvalidSpec:
    """A proposal that is no spec: what came, and every reason against it."""

    proposal: JsonValue
    reasons: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name it proposed, for reports."""
        name = self.proposal.get("name") if isinstance(self.proposal, dict) else None
        return name[:80] if isinstance(name, str) and name.strip() else "(no name)"

    @property
    def text(self) -> str:
        """What came, as JSON."""
        return json.dumps(self.proposal, ensure_ascii=False)

    @property
    def cited(self) -> frozenset[str]:
        """The ids it cited, valid or not."""
        papers = self.proposal.get("source_papers") if isinstance(self.proposal, dict) else None
        ids = papers if isinstance(papers, list) else []
        return frozenset(_plain_id(paper) for paper in ids if isinstance(paper, str))


def check_spec(proposal: JsonValue, *, sent: Collection[str], taken: Collection[str]) -> Spec | InvalidSpec:
    """One proposal as a spec, or every reason why it is none.

    `sent` are the arXiv ids that the model was shown, `taken` the names that are used up.
    """
    try:
        spec = ProposedSpec.model_validate(_with_plain_ids(proposal)).to_spec()
    except ValidationError as error:
        return InvalidSpec(proposal, reasons_of(error))
    reasons = tuple(
        f"source_papers: {paper} is none of the papers that were sent"
        for paper in spec.source_papers
        if paper not in sent
    )
    if not spec.source_papers:
        reasons += ("source_papers: cites no paper",)
    if spec.name in taken:
        reasons += (f"name: {spec.name} is taken already, by an earlier repo or another spec of the day",)
    return InvalidSpec(proposal, reasons) if reasons else spec


def _with_plain_ids(proposal: JsonValue) -> JsonValue:
    if not isinstance(proposal, dict) or not isinstance(proposal.get("source_papers"), list):
        return proposal
    papers = proposal["source_papers"]
    if not isinstance(papers, list) or not all(isinstance(paper, str) for paper in papers):
        return proposal
    return {**proposal, "source_papers": list(dict.fromkeys(_plain_id(str(paper)) for paper in papers))}


def _plain_id(cited: str) -> str:
    """The id without the brackets, prefix or version that a model likes to add; strange ones as they are."""
    bare = cited.strip().strip("[]").removeprefix("arXiv:")
    try:
        return split_arxiv_id(bare)[0]
    except InputError:
        return cited
