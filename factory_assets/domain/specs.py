"""Product specs: what a repo shall be, as analysis proposes it and the queue holds it."""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.domain.papers import paper_url

REPO_NAME = re.compile(r"^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$")


_SCAFFOLDS = Path(__file__).parents[1] / "building" / "scaffold" / "templates"


class Language(StrEnum):
    """The languages that the factory builds in: each has a folder of templates, and a record in languages/."""

    # Members made in a loop: https://docs.python.org/3/howto/enum.html#timeperiod
    _ignore_ = "members path"
    members = vars()
    for path in sorted(_SCAFFOLDS.iterdir()):
        if path.is_dir() and path.name != "common":
            members[path.name.upper()] = path.name


def _repo_name(name: str) -> str:
    if not 3 <= len(name) <= 50 or REPO_NAME.fullmatch(name) is None:
        message = (
            "a repo name is 3 to 50 lower-case letters, digits and single hyphens, starting with a letter"
        )
        raise ValueError(message)
    return name


def _file_path(path: str) -> str:
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if not parts or path.startswith("/") or ".." in parts or ".git" in parts or "\\" in path:
        raise ValueError("a file is a relative path inside the repo")
    return path


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text.strip()


RepoName = Annotated[str, AfterValidator(_repo_name)]
FilePath = Annotated[str, AfterValidator(_file_path)]
Filled = Annotated[str, AfterValidator(_filled)]


class Spec(BaseModel):
    """One developer tool that a paper makes possible. What may come in is for domain/admission.py to say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: RepoName = Field(description="Repository name: lower-case words joined by hyphens.")
    problem: Filled = Field(description="The problem a developer has, in one or two sentences.")
    source_papers: tuple[str, ...] = Field(
        description="arXiv ids, exactly as given, of the papers this rests on; at least one."
    )
    solution: Filled = Field(description="What the tool does and how the paper's method makes it work.")
    language: Language
    files: tuple[FilePath, ...] = Field(min_length=1, description="Source and test files it will consist of.")
    estimated_lines: int = Field(ge=1, description="Lines of code, tests left out; 100 to 300.")
    complexity: Literal["low", "medium", "high"]
    who_pays: Filled = Field(description="Who would pay for this, and why.")
    integration_point: Filled = Field(description="Where it plugs into what developers already run.")
    moat: Filled = Field(description="Why the obvious copy is worse.")
    # Only imported specs have it: analysis cites papers, so the model is not shown this field.
    source_url: SkipJsonSchema[str | None] = None

    @model_validator(mode="after")
    def _has_an_origin(self) -> Spec:
        if not self.source_papers and not self.source_url:
            raise ValueError("source_papers is empty, and there is no source_url either")
        return self

    @property
    def origin_url(self) -> str:
        """Where the idea came from: the first source paper, else the page that an import named."""
        return paper_url(self.source_papers[0]) if self.source_papers else str(self.source_url)


class QueuedSpec(BaseModel):
    """A spec with its place in the queue: one row of build_queue.

    `day` and `rank` are None while no rank is free ("unranked"). `attempts` counts builds that were really
    tried: deferred ones are given back. `not_before` is set while a build is deferred, `wait_cause` says why,
    and `wait_limit_usd` is the budget that stopped it. `waits` counts how often rate limits and infrastructure
    have put it off since its last finished phase.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    spec: Spec
    day: date | None
    rank: int | None
    status: BuildStatus
    attempts: int
    queued_at: datetime
    started_at: datetime | None = None
    shipped_at: datetime | None = None
    not_before: datetime | None = None
    run_id: str | None = None
    error_log: str | None = None
    wait_cause: WaitCause | None = None
    wait_limit_usd: float | None = None
    waits: int = 0


def rank_key(rank: int) -> str:
    """The partition key of a rank: two digits, from 01."""
    return f"{rank:02d}"
