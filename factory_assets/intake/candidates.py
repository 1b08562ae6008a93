"""Reading specs from outside: what a candidate may say, and every reason why it cannot be taken."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from factory_assets.domain.errors import InputError
from factory_assets.domain.imports import ImportedSpec, Origin
from factory_assets.domain.papers import split_arxiv_id
from factory_assets.domain.specs import Spec

_NOT_STATED = "Not stated by whoever imported it."
_PAGES = ("https://arxiv.org/abs/", "http://arxiv.org/abs/", "https://arxiv.org/pdf/", "arXiv:")


def _web_page(url: str | None) -> str | None:
    if url is not None and not url.startswith(("https://", "http://")):
        raise ValueError("it must be a link (https://…)")
    return url


class _Candidate(BaseModel):
    """What a file or a table says. The fields that analysis would add may be given, and need not be."""

    model_config = ConfigDict(extra="forbid")

    name: str
    problem: str
    solution: str
    language: str
    files: list[str]
    estimated_lines: int
    source_papers: list[str] = Field(default_factory=list)
    source_repos: list[str] = Field(default_factory=list)
    source_url: Annotated[str | None, AfterValidator(_web_page)] = None
    market_analysis: str | None = None
    complexity: str = "medium"
    who_pays: str = _NOT_STATED
    integration_point: str = _NOT_STATED
    moat: str = _NOT_STATED


class RefusedError(Exception):
    """A candidate cannot be taken; `reasons` are all of its faults, each naming its field."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def read_candidates(text: str) -> list[JsonValue]:
    """One candidate or a list of them from JSON.

    Raises:
        RefusedError: no JSON, with line and column, or neither an object nor a list of objects.
    """
    try:
        parsed: JsonValue = json.loads(text)
    except json.JSONDecodeError as error:
        raise RefusedError(
            (f"it is no JSON: {error.msg} at line {error.lineno}, column {error.colno}",)
        ) from None
    except ValueError as error:
        raise RefusedError((f"it is no spec: {error}",)) from None
    except RecursionError:
        raise RefusedError(("it is no spec: its JSON is nested too deeply",)) from None
    candidates: list[JsonValue] = parsed if isinstance(parsed, list) else [parsed]
    if not candidates:
        raise RefusedError(("the list holds no spec",))
    if not all(isinstance(candidate, dict) for candidate in candidates):
        raise RefusedError(("it holds neither a spec (an object) nor a list of specs",))
    return candidates


def check_candidate(candidate: JsonValue, *, origin: Origin, source: str) -> ImportedSpec:
    """One candidate as a spec.

    Raises:
        RefusedError: with every reason.
    """
    try:
        json.dumps(candidate, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise RefusedError(("it holds half a character (a surrogate without its other half)",)) from None
    try:
        said = _Candidate.model_validate(candidate)
        spec = Spec.model_validate(
            {
                **said.model_dump(exclude={"source_papers", "source_repos", "market_analysis", "source_url"}),
                "source_papers": list(dict.fromkeys(_paper_id(paper) for paper in said.source_papers)),
                "source_url": said.source_url or _first_link(said.source_repos),
            }
        )
    except ValidationError as error:
        reasons = tuple(
            f"{'.'.join(str(part) for part in problem['loc']) or 'spec'}:"
            f" {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False)
        )
        raise RefusedError(reasons) from None
    except InputError as error:
        raise RefusedError((f"source_papers: {error.what}",)) from None
    return ImportedSpec(
        spec=spec,
        origin=origin,
        source=source,
        source_repos=tuple(said.source_repos),
        market_analysis=said.market_analysis,
    )


def _paper_id(cited: str) -> str:
    bare = cited.strip().strip("[]")
    for page in _PAGES:
        bare = bare.removeprefix(page)
    return split_arxiv_id(bare.removesuffix(".pdf"))[0]


def _first_link(repos: list[str]) -> str | None:
    links = [repo if repo.startswith("https://") else f"https://github.com/{repo}" for repo in repos]
    return links[0] if links else None
