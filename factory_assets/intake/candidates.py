"""Reading specs from outside: what a candidate may say, and every reason why it cannot be taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from factory_assets.admission import OfferedSpec, reasons_of
from factory_assets.domain.errors import InputError
from factory_assets.domain.imports import ImportedSpec, Origin
from factory_assets.domain.links import is_paper, paper_id, repository, web_page
from factory_assets.domain.text import as_text

_NOT_STATED = "Not stated by whoever imported it."
NO_SPEC_YET = "it has no spec yet"
# What a row of the idea engine says of itself, not of its idea.
_BOOKKEEPING = frozenset({"id", "status", "delivered_at", "created_at", "updated_at", "spec_json"})


def _text(said: JsonValue) -> JsonValue:
    """Text as it is, and whatever else was written in its place as JSON."""
    return said if said is None else as_text(said)


def _lower(said: JsonValue) -> JsonValue:
    return said.strip().lower() if isinstance(said, str) else said


def _list(said: JsonValue) -> JsonValue:
    """A list, also where one text stands for it or nothing was said."""
    if said is None:
        return []
    return [said] if isinstance(said, str) else said


_List = Annotated[list[str], BeforeValidator(_list)]
_Text = Annotated[str, BeforeValidator(_text)]


class _Candidate(BaseModel):
    """What a file or a table says. The fields that analysis would add may be given, and need not be.

    What the factory does not know is kept in `model_extra`.
    """

    model_config = ConfigDict(extra="allow")

    name: str
    problem: str
    solution: str
    language: str
    files: list[str]
    estimated_lines: int
    source_papers: _List = Field(default_factory=list)
    source_repos: _List = Field(default_factory=list)
    source_url: str | None = None
    market_analysis: Annotated[str | None, BeforeValidator(_text)] = None
    complexity: Annotated[str, BeforeValidator(_lower)] = "medium"
    who_pays: _Text = _NOT_STATED
    integration_point: _Text = _NOT_STATED
    moat: _Text = _NOT_STATED


class ImportRefusedError(Exception):
    """A candidate cannot be taken; `reasons` are all of its faults, each naming its field."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class NoSpecYetError(ImportRefusedError):
    """The idea engine has written its row, and no spec into it yet."""

    def __init__(self) -> None:
        super().__init__((NO_SPEC_YET,))


def read_candidates(text: str) -> list[JsonValue]:
    """One candidate or a list of them from JSON. A row of the idea engine stands for the specs in it.

    Raises:
        RefusedError: no JSON, with line and column, or neither an object nor a list of objects.
    """
    parsed = _parsed(text)
    offered: list[JsonValue] = parsed if isinstance(parsed, list) else [parsed]
    if not offered:
        raise ImportRefusedError(("the list holds no spec",))
    candidates = [candidate for one in offered for candidate in _specs_in(one)]
    if not all(isinstance(candidate, dict) for candidate in candidates):
        raise ImportRefusedError(("it holds neither a spec (an object) nor a list of specs",))
    return candidates


def check_candidate(candidate: JsonValue, *, origin: Origin, source: str) -> ImportedSpec:
    """One candidate as a spec.

    Raises:
        NoSpecYetError: it is a row of the idea engine without a spec.
        RefusedError: with every reason.
    """
    if isinstance(candidate, dict) and "spec_json" in candidate and _is_empty(candidate["spec_json"]):
        raise NoSpecYetError
    try:
        json.dumps(candidate, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ImportRefusedError(
            ("it holds half a character (a surrogate without its other half)",)
        ) from None
    try:
        said = _Candidate.model_validate(_without_nulls(candidate))
        sources = _Sources(said)
        spec = OfferedSpec.model_validate(
            {
                **said.model_dump(include=set(OfferedSpec.model_fields)),
                "source_papers": sources.papers,
                "source_url": sources.page or sources.first_repository,
            }
        ).to_spec()
    except ValidationError as error:
        raise ImportRefusedError(reasons_of(error)) from None
    return ImportedSpec(
        spec=spec,
        origin=origin,
        source=source,
        source_repos=tuple(sources.repositories),
        market_analysis=said.market_analysis,
        further=said.model_extra or {},
    )


class _Sources:
    """Where an idea comes from, each source once and in one form, whichever field it stood in."""

    def __init__(self, said: _Candidate) -> None:
        self._reasons: list[str] = []
        repos = [link for link in said.source_repos if not is_paper(link)]
        linked = [link for link in said.source_repos if is_paper(link)]
        page = said.source_url.strip() if said.source_url else ""
        if page and is_paper(page):
            linked.append(page)
            page = ""
        papers = self._each("source_papers", paper_id, [*said.source_papers, *linked])
        self.papers = list(dict.fromkeys(papers))
        # GitHub takes names in any case for the same.
        self.repositories = list(
            {
                repo.casefold(): repo for repo in reversed(self._each("source_repos", repository, repos))
            }.values()
        )[::-1]
        self.page = next(iter(self._each("source_url", web_page, [page] if page else [])), None)
        if self._reasons:
            raise ImportRefusedError(tuple(self._reasons))

    @property
    def first_repository(self) -> str | None:
        """The link of the first repository."""
        if not self.repositories:
            return None
        first = self.repositories[0]
        return first if first.startswith("https://") else f"https://github.com/{first}"

    def _each(self, field: str, read: Callable[[str], str], links: list[str]) -> list[str]:
        found = []
        for link in links:
            try:
                found.append(read(link))
            except InputError as error:
                self._reasons.append(f"{field}: {error.what} {error.fix}".rstrip())
        return found


def _parsed(text: str) -> JsonValue:
    def refuse_constant(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    try:
        parsed: JsonValue = json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        raise ImportRefusedError(
            (f"it is no JSON: {error.msg} at line {error.lineno}, column {error.colno}",)
        ) from None
    except ValueError as error:
        raise ImportRefusedError((f"it is no spec: {error}",)) from None
    except RecursionError:
        raise ImportRefusedError(("it is no spec: its JSON is nested too deeply",)) from None
    return parsed


def _specs_in(offered: JsonValue) -> list[JsonValue]:
    """The specs of a row, with what the row itself says beside them; anything else as it is."""
    if not isinstance(offered, dict) or "spec_json" not in offered:
        return [offered]
    held = offered["spec_json"]
    if isinstance(held, str) and held.strip():
        held = _parsed(held)
    if _is_empty(held):
        return [offered]
    beside: dict[str, JsonValue] = {
        key: value for key, value in offered.items() if key not in _BOOKKEEPING and value is not None
    }
    cited = beside.get("paper_ids")
    specs = held if isinstance(held, list) else [held]
    return [_with_row(spec, beside, cited) for spec in specs]


def _is_empty(held: JsonValue) -> bool:
    return held is None or (isinstance(held, str | list | dict) and not held)


def _with_row(spec: JsonValue, beside: dict[str, JsonValue], cited: JsonValue) -> JsonValue:
    if not isinstance(spec, dict):
        return spec
    papers = {} if spec.get("source_papers") or not isinstance(cited, list) else {"source_papers": cited}
    return {**beside, **spec, **papers}


def _without_nulls(candidate: JsonValue) -> JsonValue:
    """Without the fields that say nothing, so that each has its usual value."""
    if not isinstance(candidate, dict):
        return candidate
    return {key: value for key, value in candidate.items() if value is not None}
