"""Validates proposed specs one by one, so that a bad one never costs the others."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from factory_assets.admission import ProposedSpec, reasons_of
from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import split_arxiv_id
from factory_assets.domain.specs import Spec


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
